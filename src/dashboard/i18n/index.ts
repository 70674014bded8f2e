import { usePreferences } from '../preferences.ts';
import { en, type Text } from './en.ts';
import { zh } from './zh.ts';

export type Language = 'en' | 'zh';
export type { Text };

export const LANGUAGES: Record<Language, { text: Text; locale: string }> = {
  en: { text: en, locale: 'en' },
  zh: { text: zh, locale: 'zh-CN' },
};

/** The chosen language, else the first of the browser's that we speak, else English. */
export function useLanguage(): Language {
  const { language } = usePreferences();
  if (language !== undefined) return language;
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2));
  return wanted.find((tag): tag is Language => tag in LANGUAGES) ?? 'en';
}

/** What the dashboard says, in the reader's language. */
export const useText = (): Text => LANGUAGES[useLanguage()].text;
