import type { OwnerView } from '@/lib/api/types';

export const ownerName = (owner: OwnerView | undefined): string => owner?.name ?? 'not recognised';
