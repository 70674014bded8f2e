/** All that a client learns of a failure that was not meant; the log has the rest, by request id. */
export const maskedMessage =
  'Something went wrong on the server. Its log has the details under this x-request-id.';
