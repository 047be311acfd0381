// A seat map for a small theatre: draws an SVG, lets people pick neighbouring seats, keeps the choice in the URL.
'use strict';

const ROWS = 'ABCDEFGHJKLM'; // no I: it is read as a 1
const SEATS_PER_ROW = 18;
const AISLES = new Set([5, 13]);
const CELL = 22;

/** @returns {{id: string, x: number, y: number}[]} */
function layOut() {
  return [...ROWS].flatMap((row, r) => {
    let gap = 0;
    return Array.from({ length: SEATS_PER_ROW }, (_, s) => {
      if (AISLES.has(s)) gap += 1;
      const bend = ((s - SEATS_PER_ROW / 2) / SEATS_PER_ROW) ** 2 * 40;
      return { id: `${row}${s + 1}`, x: (s + gap) * CELL, y: r * CELL - bend };
    });
  });
}

const fromUrl = () => new Set((new URLSearchParams(location.search).get('seats') ?? '').split(',').filter(Boolean));

function toUrl(chosen) {
  const params = new URLSearchParams(location.search);
  chosen.size ? params.set('seats', [...chosen].sort().join(',')) : params.delete('seats');
  history.replaceState(null, '', `${location.pathname}?${params}`);
}

async function fetchTaken(show, { signal } = {}) {
  const response = await fetch(`/api/shows/${encodeURIComponent(show)}/taken`, { signal });
  if (!response.ok) throw new Error(`seats of ${show}: HTTP ${response.status}`);
  const { taken } = await response.json();
  return new Set(taken);
}

/** Single seats left between two parties are what a box office fears most. */
export function leavesOrphan(taken, chosen, id) {
  const row = id[0];
  const busy = (n) => n < 1 || n > SEATS_PER_ROW || taken.has(row + n) || chosen.has(row + n);
  const n = Number(id.slice(1));
  return [n - 1, n + 1].some((side) => !busy(side) && busy(side - 1) && busy(side + 1));
}

export async function mount(root, show) {
  const chosen = fromUrl();
  const taken = await fetchTaken(show);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '-10 -30 460 320');

  for (const seat of layOut()) {
    const circle = document.createElementNS(svg.namespaceURI, 'circle');
    Object.entries({ cx: seat.x, cy: seat.y, r: CELL * 0.4 }).forEach(([k, v]) => circle.setAttribute(k, v));
    circle.classList.toggle('taken', taken.has(seat.id));
    circle.classList.toggle('chosen', chosen.has(seat.id));
    circle.addEventListener('click', () => {
      if (taken.has(seat.id)) return;
      chosen.has(seat.id) ? chosen.delete(seat.id) : chosen.add(seat.id);
      circle.classList.toggle('chosen');
      root.querySelector('output').value = leavesOrphan(taken, chosen, seat.id)
        ? `Please do not leave one seat alone beside ${seat.id}.`
        : `${chosen.size} seat${chosen.size === 1 ? '' : 's'}`;
      toUrl(chosen);
    });
    svg.append(circle);
  }
  root.prepend(svg);
}
