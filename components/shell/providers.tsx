'use client';

import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { NuqsAdapter } from 'nuqs/adapters/next/app';
import type { ReactNode } from 'react';
import { useState } from 'react';
import { ApiProblem } from '../hooks/api';
import { AnnounceProvider } from './announce';
import { KeysProvider } from './keys';
import { OpenFileProvider } from './open-file';

/** A capture does not change under its source and node, so what was read stays fresh; only lost connections are retried. */
const newClient = () =>
  new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5 * 60_000,
        refetchOnWindowFocus: false,
        retry: (count, error) => count < 2 && error instanceof ApiProblem && error.status === 0,
      },
    },
  });

/** `nonce` is the page's, for the style elements that Base UI makes. */
export function Providers({ nonce, children }: { readonly nonce: string | undefined; readonly children: ReactNode }) {
  const [client] = useState(newClient);
  return (
    <QueryClientProvider client={client}>
      <NuqsAdapter>
        <CSPProvider nonce={nonce}>
          <AnnounceProvider>
            <KeysProvider>
              <OpenFileProvider>{children}</OpenFileProvider>
            </KeysProvider>
          </AnnounceProvider>
        </CSPProvider>
      </NuqsAdapter>
    </QueryClientProvider>
  );
}
