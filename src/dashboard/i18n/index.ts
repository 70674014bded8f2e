import { usePreferences } from '../preferences.ts';
import { en, type Text } from './en.ts';
import { zh } from './zh.ts';

export type Language = 'en' | 'zh';
export type { Text };

interface Spoken {
  text: Text;
  /** Of the texts, for browsers and screen readers. */
  tag: string;
  /** How dates are written: as in the reader's own variant of the language. */
  locale: string;
}

const localeOf = (language: Language): string =>
  navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language;

export const LANGUAGES: Record<Language, Spoken> = {
  en: { text: en, tag: 'en', locale: localeOf('en') },
  zh: { text: zh, tag: 'zh-CN', locale: localeOf('zh') },
};

/** The chosen language, else the first of the browser's that we speak, else English. */
export function useLanguage(): Language {
  const { language } = usePreferences();
  if (language !== undefined) return language;
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2));
  return wanted.find((tag): tag is Language => tag in LANGUAGES) ?? 'en';
}

/** The texts of the dashboard in the reader's language. */
export const useText = (): Text => LANGUAGES[useLanguage()].text;
