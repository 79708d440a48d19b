(function (name, user) {
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

	// Follows at once if it is this tab's turn, else when another tab leaves its turn.
	async function takeTurn(signal) {
		const lock = `${name}-events`;
		let had = false;
		await navigator.locks.request(lock, { ifAvailable: true }, (free) => {
			had = free !== null;
			return had && follow(signal);
		});
		if (had) return;
		await navigator.locks.request(lock, { signal }, async () => {
			// The other tab may have signed out: what it tells comes first.
			await pause(0.3, signal);
			await follow(signal);
		});
	}

	function start() {
		if (ended || turn || document.hidden) return;
		turn = new AbortController();
		takeTurn(turn.signal).catch(() => {});
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
	// From tabs.js.
	addEventListener("signing-out", () => {
		// A session that this page ends is not asked for. If signing out fails, the page goes on listening.
		stop();
		setTimeout(start, 40_000);
	});
	addEventListener("pagehide", stop);
	addEventListener("pageshow", start);
})
