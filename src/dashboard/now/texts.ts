import { enNow } from '../i18n/en-now.ts';
import { type Language, useLanguage } from '../i18n/index.ts';
import { zhNow } from '../i18n/zh-now.ts';

const TEXTS: Record<Language, typeof enNow> = { en: enNow, zh: zhNow };

/** The texts of this page in the reader's language. They are loaded with the page. */
export const useNowText = (): typeof enNow => TEXTS[useLanguage()];
