/**
 * What newer Astations ask of a relay with accounts (contract, section 5), and the sentence that their user reads. One of
 * the frames carries a sign-in token: none of them may reach an atem, a log line or the audit log.
 */
const ANSWERS: Readonly<Record<string, string>> = {
  relayRegisterAccount:
    'This server has no accounts and ignored your sign-in; use pairing and vaults without an account.',
  relayAccountList:
    'This server has no accounts, so there is nothing to list; its operator runs "vault-relay astation list" instead.',
  relayMergeRequest: 'This server cannot merge Astations; keep using each Astation on its own.',
  relayMergeApprove: 'This server cannot merge Astations; keep using each Astation on its own.',
  relayMergeCancel: 'This server cannot merge Astations, so there is no merge to cancel.',
  relayLeaveGroup: 'This server has no groups of Astations, so there is no group to leave.',
  relayRemoveAstation:
    'This server has no accounts to remove an Astation from; ask its operator to run "vault-relay astation ban".',
  relayEncryptionGet: 'This server does not encrypt vaults for an account; leave account encryption off.',
  relayEncryptionSet: 'This server does not encrypt vaults for an account; leave account encryption off.',
};

const MENTION = new RegExp(`"(${Object.keys(ANSWERS).join('|')})"`);

/** @returns the sentence that refuses a frame of this type; undefined for any other type */
export const accountAnswer = (type: string): string | undefined =>
  Object.hasOwn(ANSWERS, type) ? ANSWERS[type] : undefined;

/**
 * Finds the type of an account frame anywhere in a text, so that a malformed one (inside an array, behind another
 * `type`) is not broadcast with the token in it.
 */
export const mentionedAccountFrame = (text: string): string | undefined => MENTION.exec(text)?.[1];
