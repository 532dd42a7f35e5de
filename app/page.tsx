import { redirect } from 'next/navigation';

/** The start is an answer: a question from the source, traced. */
export default async function Home({
  searchParams,
}: {
  readonly searchParams: Promise<{ readonly [name: string]: string | string[] | undefined }>;
}) {
  const { source } = await searchParams;
  redirect(`/trace${typeof source === 'string' ? `?source=${encodeURIComponent(source)}` : ''}`);
}
