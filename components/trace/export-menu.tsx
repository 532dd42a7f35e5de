'use client';

import { Menu } from '@base-ui/react/menu';
import { useMemo } from 'react';
import type { NamesView, TraceAnswer } from '@/lib/api/types';
import { buttonLook } from '../ui/button';
import { download } from '../ui/download';
import { ChevronDown } from '../ui/icons';
import { itemLook, popupLook } from '../ui/select';
import { answerNames } from './answer-names';
import { answerText } from './answer-text';
import { chosenBranch, traceOf } from './trace-model';

interface ExportMenuProps {
  readonly answer: TraceAnswer;
  readonly names: NamesView | undefined;
  /** Of the URL, from 1. */
  readonly branch: number | null;
}

/** The trace as a file: the chosen branch as text, as the command prints it, or the JSON of the API with all branches. */
export function ExportMenu({ answer, names, branch }: ExportMenuProps) {
  const name = `trace-${answer.node}`;
  const trace = useMemo(() => traceOf(answer), [answer]);
  const index = chosenBranch(trace, branch);
  const many = trace.branches.length > 1;
  const textName = many ? `${name}-branch-${index + 1}.txt` : `${name}.txt`;
  const asText = () => download(textName, 'text/plain', answerText(answer, trace, answerNames(answer, names), index));
  const asJson = () => download(`${name}.json`, 'application/json', `${JSON.stringify(answer, undefined, 2)}\n`);
  return (
    <Menu.Root>
      <Menu.Trigger className={buttonLook()}>
        Export <ChevronDown />
      </Menu.Trigger>
      {/* Inside the view: what stands beside all landmarks is hard to find by them. */}
      <Menu.Portal container={document.getElementById('view')}>
        <Menu.Positioner sideOffset={4} align="end" className="z-40">
          <Menu.Popup className={popupLook}>
            <Menu.Item className={itemLook} onClick={asText}>
              {many ? `Text of branch ${index + 1} of ${trace.branches.length}` : 'Text'}, {textName}
            </Menu.Item>
            <Menu.Item className={itemLook} onClick={asJson}>
              {many ? 'JSON of all branches' : 'JSON'}, {name}.json
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
