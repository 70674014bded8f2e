import type { Program } from '../../setup/clients.ts';
import { type Language, useLanguage } from './index.ts';

export type Connectable = Program | 'atem';

const en = {
  what: 'What do you connect?',
  programs: {
    'claude-code': 'Claude Code',
    codex: 'Codex',
    cursor: 'Cursor',
    vscode: 'VS Code',
    gemini: 'Gemini CLI',
    json: 'Another agent',
    login: 'Command line',
    curl: 'curl',
    atem: 'atem',
  } satisfies Record<Connectable, string>,
  name: 'Name',
  nameHint: 'The vaults show it as the writer of its entries.',
  may: 'It may',
  mayCreate: 'Read, write and create vaults',
  mayWrite: 'Read and write',
  mayRead: 'Only read',
  onlyHere: 'Only this vault',
  submit: 'Create its key',
  missing: 'Give it a name.',
  run: 'Run this in a terminal:',
  save: (file: string) => `Save this as ${file}. If the file has servers already, add the entry to them.`,
  environment: (variable: string) => `Start it where ${variable} is set.`,
  question: 'It asks for the key once:',
  once: 'Copy this now. The server keeps only the hash of the key.',
  waiting: 'Waiting for its first call…',
  connected: 'Connected. First call:',
  tell: 'Then tell it:',
  prompt: (vaultId: string) => `Continue with vault ${vaultId} of vault-relay.`,
  atem: 'atem has a session in the place of a key. The last command runs beside the server, prints the file that atem reads, and says where it belongs.',
  ask: 'Only people create keys here, who signed in by a link or by Astation. Otherwise run this beside the server:',
};

const zh: typeof en = {
  what: '要连接什么？',
  programs: { ...en.programs, json: '其他智能体', login: '命令行' },
  name: '名称',
  nameHint: '保险库会将其显示为条目的写入者。',
  may: '允许的操作',
  mayCreate: '读取、写入和创建保险库',
  mayWrite: '读取和写入',
  mayRead: '仅读取',
  onlyHere: '仅限此保险库',
  submit: '创建密钥',
  missing: '请填写名称。',
  run: '请在终端中运行：',
  save: (file) => `请保存为 ${file}。如果文件中已有服务器，请将此项添加到其中。`,
  environment: (variable) => `请在设置了 ${variable} 的环境中启动。`,
  question: '它会询问一次密钥：',
  once: '请立即复制。服务器只保存密钥的哈希值。',
  waiting: '正在等待首次调用…',
  connected: '已连接。首次调用：',
  tell: '然后告诉它：',
  prompt: (vaultId) => `请继续 vault-relay 的保险库 ${vaultId}。`,
  atem: 'atem 使用会话而不是密钥。最后一条命令在服务器所在的机器上运行，输出 atem 读取的文件，并说明其位置。',
  ask: '只有通过链接或 Astation 登录的人员可以在此创建密钥。否则请在服务器所在的机器上运行：',
};

const TEXTS: Record<Language, typeof en> = { en, zh };

/** What the sheet that connects agents says. It loads with the sheet. */
export const useConnectText = (): typeof en => TEXTS[useLanguage()];
