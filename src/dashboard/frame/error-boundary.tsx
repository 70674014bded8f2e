import { Component, type ReactNode } from 'react';
import { useText } from '../i18n/index.ts';
import { Button } from '../ui/button.tsx';

function Broken() {
  const t = useText();
  return (
    <div className="notice" role="alert">
      <h1>{t.unknownError}</h1>
      <p>{t.reloadNote}</p>
      <Button look="primary" onClick={() => location.reload()}>
        {t.tryAgain}
      </Button>
    </div>
  );
}

interface State {
  broken: boolean;
}

/**
 * Says so where a page cannot be shown, instead of leaving nothing: a part of it did not load, as after the server was
 * replaced by another version, or it failed.
 */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { broken: false };

  static getDerivedStateFromError(): State {
    return { broken: true };
  }

  override render(): ReactNode {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}
