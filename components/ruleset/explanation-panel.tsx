'use client';

import { Drawer } from '@base-ui/react/drawer';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { NodeOverview, TableOverview } from '@/lib/api/types';
import type { VersionRef } from '../hooks/node-path';
import { useIsWide } from '../hooks/use-media';
import { chainQuery } from '../hooks/use-ruleset';
import { ErrorState } from '../shell/error-state';
import { STRINGS } from '../strings';
import { Button } from '../ui/button';
import { Panel } from '../ui/panel';
import { Loading } from '../ui/states';
import { ChainExplanation, RuleExplanation, TableExplanation } from './explanation';
import type { RulesetLinks } from './ruleset-links';
import { tableId } from './tree-model';
import type { ChosenRule } from './use-chosen-rule';

interface ExplanationProps {
  readonly place: VersionRef;
  readonly overview: NodeOverview;
  readonly table: TableOverview;
  readonly chainName: string | null;
  readonly handle: number | null;
  readonly rule: ChosenRule;
  readonly links: RulesetLinks;
  readonly onClose: () => void;
}

/** Beside the text from 1024 px on; a sheet from below where there is no room beside it. */
export function Explanation(props: ExplanationProps) {
  const beside = useIsWide();
  const content = <Content {...props} />;
  if (beside) {
    return (
      <Panel label={STRINGS.explanation} className="w-[320px] shrink-0 border-line border-l xl:w-[352px]">
        {content}
      </Panel>
    );
  }
  return (
    <Drawer.Root
      open={props.handle !== null}
      onOpenChange={(open) => {
        if (!open) props.onClose();
      }}
      modal={false}
      disablePointerDismissal
    >
      <Drawer.Portal>
        <Drawer.Viewport className="pointer-events-none fixed inset-0 z-40 flex items-end justify-center md:justify-end">
          <Drawer.Popup
            aria-label={STRINGS.explanation}
            className="pointer-events-auto flex max-h-[62dvh] w-full flex-col rounded-t-[14px] border border-line-strong bg-bg shadow-[0_-8px_28px_rgb(0_0_0/0.18)] md:m-3 md:max-h-[80dvh] md:w-[24rem] md:rounded-card"
            initialFocus={false}
          >
            <div className="relative flex items-center px-4 py-1.5">
              <span
                aria-hidden="true"
                className="absolute top-2 left-1/2 h-1 w-10 -translate-x-1/2 rounded-full bg-line-strong md:hidden"
              />
              <Drawer.Close render={<Button look="quiet" className="ml-auto" />}>Close</Drawer.Close>
            </div>
            <Drawer.Content className="min-h-0 overflow-y-auto">{content}</Drawer.Content>
          </Drawer.Popup>
        </Drawer.Viewport>
      </Drawer.Portal>
    </Drawer.Root>
  );
}

function Content({ place, overview, table, chainName, handle, rule, links }: ExplanationProps): ReactNode {
  const id = tableId(table);
  const chain = table.chains.find((c) => c.name === chainName);
  const index = rule.detail?.at.index;
  // The page behind the rule says which rule is next; the one at the head of the chain says who leads there.
  const around = useQuery({
    ...chainQuery(place, id, chainName ?? '', index ?? 0),
    enabled: chain !== undefined && (handle === null || index !== undefined),
  });
  const view = around.data?.chains.find((c) => c.name === chainName);
  if (handle !== null) {
    if (rule.detail !== undefined && !around.isPending) {
      const following = view?.rules.find((r) => r.at.index === (index ?? 0) + 1);
      const next = following?.at.handle ?? null;
      return (
        <RuleExplanation
          key={handle}
          place={place}
          overview={overview}
          table={table}
          detail={rule.detail}
          next={next}
          links={links}
        />
      );
    }
    if (rule.error !== null) return <ErrorState error={rule.error} what={`Rule ${handle}`} onRetry={rule.retry} />;
    return <Loading what={`Reading rule ${handle}`} />;
  }
  if (chain === undefined) return <TableExplanation overview={overview} table={table} />;
  return (
    <ChainExplanation
      key={chain.name}
      place={place}
      overview={overview}
      table={table}
      chain={chain}
      view={view}
      links={links}
    />
  );
}
