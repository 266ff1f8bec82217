// Draws each measurement series with uPlot. The numbers stand in a table on the page too, so without this file nothing is lost.
"use strict";

const ZONE = "Europe/Amsterdam";
const COLOURS = ["#0b6b6e", "#b3541e"];

function formatter(options) {
  const format = new Intl.DateTimeFormat("nl-NL", { timeZone: ZONE, ...options });
  return (seconds) => format.format(new Date(seconds * 1000));
}

const year = formatter({ year: "numeric" });
const dayAndMonth = formatter({ day: "numeric", month: "short" });
const month = formatter({ month: "short" });
const clock = formatter({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

// Labels on the time axis: as precise as the distance between two of them.
function timeLabels(_plot, splits, _axis, _space, step) {
  const DAY = 86400;
  return splits.map((split) => {
    if (step < DAY) return `${clock(split)}\n${dayAndMonth(split)}`;
    const seconds = split + DAY / 4; // a midnight that lies an hour off, where summer time begins or ends, is still that day
    if (step < 25 * DAY) return dayAndMonth(seconds);
    return month(seconds) === "jan" || step >= 300 * DAY ? `${month(seconds)}\n${year(seconds)}` : month(seconds);
  });
}

function decimalComma(_plot, splits) {
  return splits.map((value) => (value === null ? "" : String(Number(value.toFixed(2))).replace(".", ",")));
}

function line(entry, index, lines) {
  const colour = COLOURS[index % COLOURS.length];
  return {
    label: entry.name,
    stroke: colour,
    fill: lines.length === 1 ? "rgb(11 107 110 / 7%)" : undefined,
    width: 2,
    spanGaps: true,
    points: { show: true, size: 7, fill: "#ffffff", stroke: colour, width: 2 },
    value: (_plot, _number, _series, at) => (at === null ? "–" : entry.texts[at] || "–"),
  };
}

// Some air above and below, so that a calm series looks calm.
function range(_plot, low, high) {
  const air = Math.max((high - low) * 0.25, Math.abs(high) * 0.02, 0.5);
  return [low - air, high + air];
}

function options(chart, width) {
  const axis = { stroke: "#4b5b5a", grid: { stroke: "#e7e9e4", width: 1 }, ticks: { stroke: "#cfd6d1", width: 1, size: 5 }, font: "13px system-ui, sans-serif" };
  return {
    width,
    height: 240,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), ZONE),
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 9 } },
    legend: { live: true },
    scales: { x: { time: true }, y: { range } },
    axes: [{ ...axis, values: timeLabels, space: 70, size: 42 }, { ...axis, values: decimalComma, size: 52 }],
    series: [
      { label: "Wanneer", value: (_plot, _number, _series, at) => (at === null ? "–" : chart.moments[at]) },
      ...chart.lines.map(line),
    ],
  };
}

function draw(element) {
  const chart = JSON.parse(document.getElementById(element.dataset.chart).textContent);
  const data = [chart.times, ...chart.lines.map((entry) => entry.numbers)];
  const plot = new uPlot(options(chart, element.clientWidth), data, element);
  const showLatest = () => plot.setLegend({ idx: chart.times.length - 1 }, false);
  new ResizeObserver(() => {
    plot.setSize({ width: element.clientWidth, height: 240 });
    showLatest();
  }).observe(element);
  plot.over.addEventListener("mouseleave", () => setTimeout(showLatest));
  element.dataset.drawn = "yes";
}

document.querySelectorAll("[data-chart]").forEach(draw);
