(function (script, wasm) {
	let left = false;
	let retired = false;
	addEventListener("pagehide", () => { left = true; });
	addEventListener("pageshow", () => { left = false; });

	// The page works without its script, as the server rendered it: links lead on, forms are sent. What the
	// script has begun to listen to must not reach it any more, or a dead listener would swallow it.
	function retire(why) {
		if (left || retired) return;
		retired = true;
		console.error(`The script of this page has ended, and the page goes on without it: ${why}`);
		for (const kind of ["click", "submit", "input", "change"]) {
			addEventListener(kind, (event) => event.stopImmediatePropagation(), { capture: true });
		}
		addEventListener("popstate", () => location.reload(), { capture: true });
		// What waits in the script fails as well, at any time: that says nothing new.
		for (const kind of ["error", "unhandledrejection"]) {
			addEventListener(kind, (event) => {
				if ((event.error ?? event.reason) instanceof WebAssembly.RuntimeError) event.preventDefault();
			});
		}
		for (const button of document.querySelectorAll("form button[aria-disabled]")) button.removeAttribute("aria-disabled");
	}
	addEventListener("wasm-panic", (event) => retire(event.detail));

	// The program comes after everything that is seen, and in tasks of its own: what is pressed meanwhile waits for
	// none of them for long.
	const pause = () => new Promise((resolve) => setTimeout(resolve));
	async function hydrate() {
		try {
			const app = await import(script);
			await app.default({ module_or_path: wasm });
			await pause();
			app.hydrate();
		} catch (why) {
			retire(why);
		}
	}
	async function start() {
		await pause();
		if ("requestIdleCallback" in window) {
			requestIdleCallback(hydrate, { timeout: 2000 });
		} else {
			hydrate();
		}
	}
	if (document.readyState === "complete") start();
	else addEventListener("load", start);
})
