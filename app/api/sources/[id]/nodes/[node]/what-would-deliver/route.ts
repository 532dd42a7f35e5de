import { packetRoute } from '@/server/http/packet-route';

export const dynamic = 'force-dynamic';

export const { GET, POST, PUT, PATCH, DELETE, OPTIONS } = packetRoute('deliver');
