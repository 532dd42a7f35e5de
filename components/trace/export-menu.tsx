'use client';

import { Menu } from '@base-ui/react/menu';
import type { NamesView, TraceAnswer } from '@/lib/api/types';
import { buttonLook } from '../ui/button';
import { download } from '../ui/download';
import { ChevronDown } from '../ui/icons';
import { itemLook, popupLook } from '../ui/select';
import { answerNames } from './answer-names';
import { answerText } from './answer-text';
import { traceOf } from './trace-model';

interface ExportMenuProps {
  readonly answer: TraceAnswer;
  readonly names: NamesView | undefined;
}

/** The whole trace as a file: text as the command prints it, or the JSON of the API. */
export function ExportMenu({ answer, names }: ExportMenuProps) {
  const name = `trace-${answer.node}`;
  const asText = () =>
    download(`${name}.txt`, 'text/plain', answerText(answer, traceOf(answer), answerNames(answer, names)));
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
              Text, {name}.txt
            </Menu.Item>
            <Menu.Item className={itemLook} onClick={asJson}>
              JSON, {name}.json
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
