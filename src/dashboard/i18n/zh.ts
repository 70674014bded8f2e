import type { Text } from './en.ts';

import { zhAccess } from './zh-access.ts';
import { zhSignIn } from './zh-sign-in.ts';
import { zhVault } from './zh-vault.ts';

const number = (n: number) => n.toLocaleString('zh-CN');

/** All texts of the dashboard in Chinese. */
export const zh: Text = {
  language: '中文',
  brand: 'vault-relay',
  skipToContent: '跳到正文',
  close: '关闭',
  cancel: '取消',
  save: '保存',
  saving: '正在保存…',
  copy: '复制',
  copied: '已复制',
  copyFailed: '浏览器不允许复制。',
  tryAgain: '重试',
  loading: '正在加载…',
  unknownError: '出了点问题。',
  reloadNote: '页面的一部分无法加载或显示。你输入的内容仍在。',
  justNow: '刚刚',
  connect: '连接智能体',
  undo: '撤销',
  discarded: '你输入的内容已被丢弃。',

  problems: {
    unreachable: '无法连接服务器。',
    unreadable: '服务器的答复无法读取。',
    busy: '目前请求过多。',
    unavailable: '服务器目前无法处理此请求。',
    unknownOutcome: '服务器的答复丢失，内容可能已写入。重试不会重复写入。',
    ended: '会话已结束，请重新登录。',
    forbidden: '你无权在此保险库中执行此操作。',
    notFound: '不存在，或者你无权读取。',
    conflict: '此内容在此期间被修改过。',
    tooLarge: '文本超过服务器允许的长度。',
    refused: '服务器不接受此文本。',
    failed: '服务器出了点问题。',
    retry: (seconds) => `${seconds} 秒后重试。`,
  },

  menu: {
    label: '菜单',
    theme: '外观',
    system: '跟随系统',
    light: '浅色',
    dark: '深色',
    language: '语言',
    shortcuts: '键盘快捷键',
    status: '服务器',
    api: 'API 参考',
    signOut: '退出登录',
    signOutEverywhere: '在所有位置退出',
    signOutEverywhereText: '这会结束你在所有浏览器中的会话，包括当前浏览器。',
    access: '访问权限',
    roles: { member: (workSession) => `${workSession} 的成员`, operator: '运维人员' },
    key: (id) => `密钥 ${id}`,
    signedInAs: (name) => `当前身份：${name}`,
    operator: '运维人员',
    readOnly: '只读',
    drafts: (n) => `你有 ${number(n)} 处输入尚未保存。退出登录会将其删除。`,
  },

  ...zhSignIn,

  ...zhAccess,

  connection: {
    lost: '无法连接服务器，正在重试…',
    back: '已重新连接。',
    paused: '服务器要求稍候。',
  },

  vaults: {
    title: '保险库',
    search: '搜索保险库',
    create: '新建保险库',
    summary: '它的用途是什么？',
    summaryPlaceholder: '例如：认证重构',
    createSubmit: '创建保险库',
    untitled: '无摘要',
    entries: (n) => `${number(n)} 个条目`,
    more: (n) => `+${n}`,
    nothingFound: (query) => `没有与“${query}”匹配的保险库。`,
    writtenBy: (name) => `由 ${name} 写入`,
    nothingBy: (name) => `没有保险库包含 ${name} 的条目。`,
    clearSearch: '清除搜索',
    emptyTitle: '还没有保险库',
    emptyText: '保险库是智能体彼此交接决定的地方。在终端中创建第一个：',
    emptyOr: '或者在这里创建。',
    emptyOperator: '还没有任何工作会话创建过保险库。',
  },

  ...zhVault,

  status: {
    title: '服务器',
    version: '版本',
    uptime: '已运行',
    agents: '智能体（atem）',
    astations: 'Astation',
    workSessions: '工作会话',
    workSession: '工作会话',
    sessions: '会话数',
    noWorkSessions: '没有绑定到 Astation 的会话。',
    days: (n) => `${number(n)} 天`,
    hours: (n) => `${number(n)} 小时`,
    minutes: (n) => `${number(n)} 分钟`,
    seconds: (n) => `${number(n)} 秒`,
  },

  shortcuts: {
    title: '键盘快捷键',
    everywhere: '所有页面',
    inVault: '在保险库中',
    help: '此列表',
    search: '搜索或筛选',
    vaults: '所有保险库',
    create: '新建保险库',
    next: '下一个条目或保险库',
    previous: '上一个条目或保险库',
    open: '打开保险库',
    compose: '写一个条目',
    edit: '编辑条目',
    history: '条目的历史',
    link: '复制条目链接',
    plain: '带格式或纯文本',
    newest: '跳到最新条目',
    submit: '保存所写内容',
    escape: '关闭，或离开输入框',
    enabled: '单键快捷键',
  },

  notFound: {
    title: '此页面不存在',
    text: '地址可能不完整。',
    link: '所有保险库',
  },
};
