import type { Metadata } from 'next';
import { ServiceView } from '@/components/service/service-view';

export const metadata: Metadata = { title: 'Services' };

export default function Page() {
  return <ServiceView />;
}
