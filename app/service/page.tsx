import type { Metadata } from 'next';
import { ServiceView } from '@/components/service/service-view';

interface PageProps {
  readonly searchParams: Promise<{ readonly [name: string]: string | string[] | undefined }>;
}

/** The tab has the name of the Service. */
export async function generateMetadata({ searchParams }: PageProps): Promise<Metadata> {
  const { service } = await searchParams;
  return { title: typeof service === 'string' && service !== '' ? service : 'Services' };
}

export default function Page() {
  return <ServiceView />;
}
