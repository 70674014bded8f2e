/** Texts of about 500 bytes, half of them Chinese, with words as frequent as in real texts. */

/** A repeatable source of numbers from 0 to 1. */
export function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SYLLABLES =
  'ta re mi con de ser ver log in ses sion key to ken au th cook ie data base con fig er or ing ed al ly st pro com pre un ex a e i o'.split(
    ' ',
  );
/** Common characters of Chinese, the most common first. */
const CHARACTERS = [
  ...'的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运笔',
];

/** Words of a language, the most common first; about as frequent as in real texts. */
const wordsOf = (random: () => number, make: () => string, count: number) => {
  const words = new Set<string>();
  while (words.size < count) words.add(make());
  const list = [...words];
  return () => list[Math.floor(count ** random()) - 1] ?? '';
};

export function makeTexts(random: () => number): (marks: readonly string[]) => string {
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const english = wordsOf(
    random,
    () => Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(SYLLABLES)).join(''),
    5000,
  );
  const character = () => CHARACTERS[Math.floor(CHARACTERS.length ** random()) - 1] ?? '的';
  const chinese = wordsOf(random, () => character() + character(), 5000);
  return (marks) => {
    const left = Array.from({ length: 42 }, english).join(' ');
    const right = Array.from({ length: 41 }, chinese).join('');
    return `${left.slice(0, 250)} ${marks.join(' ')} ${right}`;
  };
}
