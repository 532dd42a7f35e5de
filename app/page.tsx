import { redirect } from 'next/navigation';
import { currentStore } from '@/server/http/current-store';

export const dynamic = 'force-dynamic';

/** A source with several nodes begins with all of them side by side, one with a single node with the trace. */
export default async function Home({
  searchParams,
}: {
  readonly searchParams: Promise<{ readonly [name: string]: string | string[] | undefined }>;
}) {
  const { source } = await searchParams;
  const { store } = await currentStore();
  const sources = await store.sources(new AbortController().signal);
  const wanted = typeof source === 'string' ? sources.find(({ id }) => id === source) : sources[0];
  const query = typeof source === 'string' ? `?source=${encodeURIComponent(source)}` : '';
  redirect(`${(wanted?.nodes.length ?? 0) > 1 ? '/fleet' : '/trace'}${query}`);
}
