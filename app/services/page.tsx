import { redirect } from 'next/navigation';

/** The view is called Services, and its address is that of one: what is typed by the name gets there too. */
export default async function Services({
  searchParams,
}: {
  readonly searchParams: Promise<{ readonly [name: string]: string | string[] | undefined }>;
}) {
  const query = new URLSearchParams(
    Object.entries(await searchParams).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  ).toString();
  redirect(`/service${query === '' ? '' : `?${query}`}`);
}
