// Asks authenticators for the forms of app/src/pages/passkeys.rs: gets a challenge, sends its answer
// with the form. Plain JavaScript: it works before and without the wasm.
(() => {
	const { PublicKeyCredential, sessionStorage } = window;
	const can = PublicKeyCredential?.parseCreationOptionsFromJSON && PublicKeyCredential.parseRequestOptionsFromJSON;

	// A challenge is good for five minutes: one that waits is replaced before.
	const FRESH = 4 * 60 * 1000;
	// The browser asks one thing at a time.
	let asking, answered;

	const field = (part) => part.querySelector("input[name=credential]");
	const say = (part, text) => { part.querySelector("[aria-live]").textContent = text; };

	async function options(part) {
		const response = await fetch(part.dataset.start, { method: "POST", headers: { accept: "application/json" } });
		const answer = await response.json();
		if (!response.ok) throw Object.assign(new Error(), { text: answer.message });
		return answer.publicKey;
	}

	async function ask(part, mediation) {
		asking?.abort();
		const { signal } = asking = new AbortController();
		const publicKey = await options(part);
		signal.throwIfAborted();
		if ("makes" in part.dataset) {
			return navigator.credentials.create({ signal, publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
		}
		return navigator.credentials.get({ signal, mediation, publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
	}

	function send(part, credential) {
		const form = part.closest("form");
		// For a page that learns that nobody has it.
		try { sessionStorage.passkey = credential.id; } catch {}
		const remember = form.elements.remember;
		if (remember) remember.disabled = !document.querySelector("input[name=remember][type=checkbox]")?.checked;
		field(part).value = JSON.stringify(credential);
		answered = part;
		form.requestSubmit();
		answered = null;
	}

	const WORDS = {
		AbortError: "",
		InvalidStateError: "There is a passkey for your account on this device already.",
		NotAllowedError: "The browser has not asked, or was not allowed to. Please try again.",
	};
	const words = (error) => error.text ?? WORDS[error.name] ?? "That did not work. Please try again.";

	// By its button.
	async function press(part) {
		say(part, "");
		try {
			send(part, await ask(part));
		} catch (error) {
			say(part, words(error));
			offer();
		}
	}

	// In the fields for addresses, as long as the page is looked at.
	async function offer() {
		const part = document.querySelector("passkey-form[data-offered]");
		if (!part || document.hidden || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
		try {
			const waiting = ask(part, "conditional");
			const { signal } = asking;
			const timer = setTimeout(() => { if (!signal.aborted) offer(); }, FRESH);
			signal.addEventListener("abort", () => clearTimeout(timer));
			send(part, await waiting);
		} catch {
			// It was only an offer.
		}
	}

	// A form without an answer is not sent: it asks. Before anybody else hears of it.
	addEventListener("submit", (event) => {
		const part = event.target.querySelector("passkey-form");
		if (!part || part === answered) return;
		event.preventDefault();
		event.stopImmediatePropagation();
		press(part);
	}, { capture: true });

	customElements.define("passkey-form", class extends HTMLElement {
		static observedAttributes = ["hidden"];

		// Hydration sets it again.
		attributeChangedCallback() {
			if (can) this.hidden = false;
		}

		connectedCallback() {
			if (can && "offered" in this.dataset) offer();
		}

		disconnectedCallback() {
			if ("offered" in this.dataset) asking?.abort();
		}
	});

	customElements.define("passkey-unknown", class extends HTMLElement {
		connectedCallback() {
			const credentialId = sessionStorage.passkey;
			if (credentialId) PublicKeyCredential?.signalUnknownCredential?.({ rpId: location.hostname, credentialId })?.catch(() => {});
		}
	});

	addEventListener("visibilitychange", () => {
		if (can && !document.hidden && (!asking || asking.signal.aborted)) offer();
	});
})();
