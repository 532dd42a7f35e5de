import type { Metadata } from 'next';
import { Suspense } from 'react';
import { TracePage } from '@/components/trace/trace-page';
import { Loading } from '@/components/ui/states';

export const metadata: Metadata = { title: 'Trace' };

export default function Page() {
  return (
    <Suspense fallback={<Loading what="Opening the trace" />}>
      <TracePage />
    </Suspense>
  );
}
