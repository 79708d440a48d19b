// Somebody in front of a browser, with or without JavaScript. The journeys are the same for both; only
// the waiting differs, and it is all in here.

import { type BrowserContext, type Locator, type Page, type Response, expect } from '@playwright/test';
import type { Person } from './people';
import { APP, command } from './servers';
import type { Watch } from './watch';

/** The pages that the app's program takes over: `Hydrated` in app/src/pages.rs. All others are documents. */
const HYDRATED = [
  '/profile',
  '/settings',
  '/settings/public',
  '/settings/private', // wing:private-data
  '/settings/sessions',
];

export class Visitor {
  constructor(
    readonly page: Page,
    private readonly watch: Watch,
    private readonly javaScript: boolean,
  ) {}

  get context(): BrowserContext {
    return this.page.context();
  }

  async open(path: string): Promise<Response> {
    const response = await this.goTo(path);
    await this.hydrated();
    if (!response) {
      throw new Error(`${path} is the page that is open already`);
    }
    return response;
  }

  /** A page whose session has ended elsewhere leaves by itself, perhaps at the same moment. */
  private async goTo(path: string, attempts = 3): Promise<Response | null> {
    try {
      return await this.page.goto(path);
    } catch (error) {
      const left = this.javaScript && /ERR_ABORTED|interrupted by another navigation/.test(String(error));
      if (!left || attempts === 1) {
        throw error;
      }
      return this.goTo(path, attempts - 1);
    }
  }

  async reload(): Promise<Response> {
    const response = await this.page.reload();
    await this.hydrated();
    if (!response) {
      throw new Error('the page was not loaded again');
    }
    return response;
  }

  async anotherTab(): Promise<Visitor> {
    return new Visitor(await this.context.newPage(), this.watch, this.javaScript);
  }

  /** Whether forms of this page are sent, and links followed, without leaving the document. */
  get staysInDocument(): boolean {
    return this.javaScript && HYDRATED.includes(new URL(this.page.url()).pathname);
  }

  /** Waits until the browser is at a page of the app. */
  async arrives(path: string): Promise<void> {
    await this.page.waitForURL((url) => url.origin === APP && url.pathname + url.search === path);
    await this.hydrated();
  }

  /** Waits until buttons do what they do with JavaScript. */
  async hydrated(): Promise<void> {
    if (this.javaScript) {
      await this.page.locator('html[data-hydrated]').waitFor({ state: 'attached' });
    }
  }

  /** Presses the button of a form and waits for its answer: scripts get it, everybody else a page. */
  async send(button: Locator, endpoint: string): Promise<void> {
    const answered = this.page.waitForResponse(
      (response) => response.request().method() === 'POST' && new URL(response.url()).pathname === endpoint,
    );
    const nextPage = this.staysInDocument ? undefined : this.page.waitForEvent('domcontentloaded');
    await button.click();
    await answered;
    await nextPage;
  }

  /** A refusal to come. A hydrated page gets an answer with the status; any other page comes again. */
  expectRefusal(endpoint: string, status: number): void {
    if (this.staysInDocument) {
      this.watch.expectAnswer(endpoint, status);
    }
  }

  /** A page with an error's status to come. */
  expectPage(path: string, status: number): void {
    this.watch.expectAnswer(path, status);
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  get navigation(): Locator {
    return this.page.getByRole('navigation', { name: 'Main' });
  }

  get alert(): Locator {
    return this.page.getByRole('alert');
  }

  get status(): Locator {
    return this.page.getByRole('status');
  }

  async fillRegistration(person: Person): Promise<void> {
    await this.field('Name (optional)').fill(person.name);
    await this.field('E-mail').fill(person.email);
    await this.field('Password').fill(person.password);
  }

  async register(person: Person): Promise<void> {
    await this.open('/register');
    await this.fillRegistration(person);
    await this.button('Create account').click();
    await this.arrives('/profile');
  }

  async fillSignIn({ email, password }: Pick<Person, 'email' | 'password'>): Promise<void> {
    await this.field('E-mail').fill(email);
    await this.field('Password').fill(password);
  }

  async signIn(person: Person): Promise<void> {
    await this.open('/login');
    await this.fillSignIn(person);
    await this.button('Sign in').click();
    await this.arrives('/profile');
  }

  // wing:admin
  /** The id of a person, for who is an administrator. */
  async idOf(email: string): Promise<string> {
    await this.open(`/admin?q=${encodeURIComponent(email)}`);
    const href = await this.page.getByRole('main').getByRole('listitem').getByRole('link').getAttribute('href');
    return href?.split('/').pop() ?? '';
  }

  /** Registers, and comes back as an administrator. */
  async becomeAdmin(person: Person): Promise<void> {
    await this.register(person);
    // By id: nobody vouches for an address that somebody has typed.
    const session = await (await this.page.request.get('/api/session')).json();
    command('admin', 'grant', session.user_id);
    await this.signOut();
    await this.signIn(person);
  }
  // end wing:admin
  async signOut(): Promise<void> {
    await this.button('Sign out').click();
    await this.arrives('/');
    await this.isAnonymous();
  }

  /** Goes to Acme by one of its buttons and says who one is. */
  async atAcme(button: string, email: string): Promise<void> {
    await this.button(button).click();
    await expect(this.page.getByRole('heading', { name: 'Sign in to Acme' })).toBeVisible();
    await this.field('E-mail').fill(email);
    await this.button('Continue').click();
  }

  async signInWithAcme(email: string): Promise<void> {
    await this.open('/login');
    await this.atAcme('Continue with Acme', email);
    await this.arrives('/profile');
  }

  async isSignedIn(): Promise<void> {
    await expect(this.button('Sign out')).toBeVisible();
    await expect(this.navigation.getByRole('link', { name: 'Sign in' })).toBeHidden();
  }

  async isAnonymous(): Promise<void> {
    await expect(this.navigation.getByRole('link', { name: 'Sign in' })).toBeVisible();
    await expect(this.button('Sign out')).toBeHidden();
  }
}
