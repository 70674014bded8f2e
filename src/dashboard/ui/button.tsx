import { Button as Base } from '@base-ui/react/button';
import type { ComponentProps } from 'react';
import { Icon, type IconName } from './icons.tsx';

type ButtonProps = Omit<ComponentProps<typeof Base>, 'className'> & {
  look?: 'plain' | 'primary' | 'quiet' | 'danger';
  icon?: IconName;
};

/** A button with words. */
export function Button({ look = 'plain', icon, children, ...props }: ButtonProps) {
  return (
    <Base className={`button ${look}`} {...props}>
      {icon && <Icon name={icon} size={16} />}
      {children}
    </Base>
  );
}

type IconButtonProps = Omit<ComponentProps<typeof Base>, 'className' | 'aria-label'> & {
  icon: IconName;
  label: string;
};

/** A button that is only a drawing; its words are for screen readers, and appear on hover. */
export function IconButton({ icon, label, ...props }: IconButtonProps) {
  return (
    <Base className="icon-button" aria-label={label} title={label} {...props}>
      <Icon name={icon} />
    </Base>
  );
}
