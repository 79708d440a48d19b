// Shows times as the person's own machine has them: as words that stay true, and exactly on hover, in its own time zone.
//
// It runs as the document is read, so nothing is painted before it is right. `served` is the server's time: the words
// must be right on a machine whose clock is wrong, too.
((served) => {
  const ahead = Date.now() - Date.parse(served);
  const exact = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long' });
  const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long' });
  // As ui/time.rs has them.
  const units = [[31536000, 'year'], [2592000, 'month'], [86400, 'day'], [3600, 'hour'], [60, 'minute']];

  const words = (at) => {
    const seconds = Math.trunc((Date.now() - ahead - at) / 1000);
    const [size, unit] = units.find(([size]) => Math.abs(seconds) >= size) ?? [];
    if (!unit) return seconds < 0 ? 'in a moment' : 'just now';
    const count = Math.trunc(Math.abs(seconds) / size);
    const text = `${count} ${unit}${count === 1 ? '' : 's'}`;
    return seconds < 0 ? `in ${text}` : `${text} ago`;
  };

  const show = (time) => {
    const at = Date.parse(time.dateTime);
    if (isNaN(at)) return;
    const text = time.hasAttribute('data-day') ? day.format(at) : words(at);
    time.title = exact.format(at);
    // The views keep the text node that they have created.
    if (!time.firstChild) time.append(text);
    else if (time.firstChild.data !== text) time.firstChild.data = text;
  };

  const all = () => document.querySelectorAll('time').forEach(show);
  new MutationObserver(all).observe(document, { childList: true, subtree: true, attributeFilter: ['datetime'] });
  setInterval(all, 30000);
})