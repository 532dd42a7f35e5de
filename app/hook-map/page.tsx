import type { Metadata } from 'next';
import { HookMapView } from '@/components/hook-map/hook-map-view';

export const metadata: Metadata = { title: 'Hook map' };

export default function HookMapPage() {
  return <HookMapView />;
}
