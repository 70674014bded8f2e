import { ProblemText } from '../ui/problem.tsx';

/** In the place of the page until the server has said who is signed in. @param error why it has not yet */
export const Unknown = ({ error }: { error: unknown }) => (
  <div className="unknown" aria-busy="true">
    <ProblemText error={error} />
  </div>
);
