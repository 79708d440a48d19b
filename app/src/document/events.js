(function (name, user, signOut) {
	// Without locks, each tab would keep one of the few connections that a browser opens to a host.
	if (!navigator.locks) return;
	const channel = new BroadcastChannel(name);
	let turn = null;
	let ended = false;

	const pause = (seconds, signal) => new Promise((resolve) => {
		setTimeout(resolve, signal.aborted ? 0 : seconds * 1000);
		signal.addEventListener("abort", resolve);
	});

	async function get(path, signal) {
		const response = await fetch(path, { signal });
		if (response.ok || response.status === 401) return response;
		throw response.status;
	}

	// Listens until the stream closes. Returns whether the session has ended.
	async function listen(signal) {
		const response = await get("/api/events", signal);
		if (!response.ok) return true;
		const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
		for (let rest = ""; ;) {
			const { done, value } = await reader.read();
			if (done) return false;
			const events = (rest + value).split("\n\n");
			rest = events.pop();
			if (events.some((event) => event.startsWith("event: end\n"))) return true;
		}
	}

	// Listens for all tabs of this browser, while it is this tab's turn.
	async function follow(signal) {
		for (let failures = 0; !signal.aborted; ) {
			try {
				const over = await listen(signal);
				failures = 0;
				// A tab that has signed out itself tells the others, and is on its way to another page.
				await pause(over ? 0.5 : 1, signal);
				if (!over || signal.aborted) continue;
				const session = await (await get("/api/session", signal)).json();
				if (session?.user_id === user) continue;
				ended = true;
				channel.postMessage(session?.user_id ?? "");
				// The next tab is not to take its turn before it has heard that.
				await pause(60, signal);
				return;
			} catch {
				failures += 1;
				await pause(Math.min(2 ** failures, 60) * (0.5 + Math.random()), signal);
			}
		}
	}

	function start() {
		if (ended || turn || document.hidden) return;
		turn = new AbortController();
		const { signal } = turn;
		const lock = `${name}-events`;
		// It is this tab's turn at once, or when another tab leaves it. That one may have signed out: what it tells comes first.
		const mine = navigator.locks.request(lock, { ifAvailable: true }, (free) => free && follow(signal).then(() => true));
		mine.then((had) => had || navigator.locks.request(lock, { signal }, async () => {
			await pause(0.3, signal);
			return follow(signal);
		})).catch(() => {});
	}

	function stop() {
		turn?.abort();
		turn = null;
	}

	// What tabs tell each other: see tabs.js.
	channel.onmessage = ({ data }) => {
		if (data === "public-data") return;
		if (ended || data !== user) stop();
		ended = data !== user;
		start();
	};
	document.addEventListener("visibilitychange", () => document.hidden ? stop() : start());
	addEventListener("submit", ({ target, submitter }) => {
		const action = submitter?.getAttribute("formaction") ?? target.getAttribute("action");
		if (!signOut.includes(action)) return;
		// A session that this page ends is not asked for. If signing out fails, the page goes on listening.
		stop();
		setTimeout(start, 30_000);
	});
	addEventListener("pagehide", stop);
	addEventListener("pageshow", start);
})
