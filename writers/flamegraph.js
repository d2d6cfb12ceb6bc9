/* The script in a flame graph. DATA (writers/flamegraph.c, writers/picture.c) has the frames in the
 * order of a walk through the tree; only those that are wide enough to be seen are in the document,
 * and they are made anew whenever the view changes. Text goes into the document as text, never as
 * markup: names are what a program says. */
"use strict";
(() => {
const SVG = "http://www.w3.org/2000/svg", XHTML = "http://www.w3.org/1999/xhtml";
const PAD = 12, ROW = 18, NARROW = 0.7, INSET = 4, TIP = 460;
const root = document.documentElement;

function make(space, name, attributes, ...children) {
    const element = document.createElementNS(space, name);
    for (const key in attributes)
        element.setAttribute(key, attributes[key]);
    element.append(...children);
    return element;
}
const html = (name, attributes, ...children) => make(XHTML, name, attributes, ...children);

/* ---- the frames ---- */

const frames = [];
{
    let parent = null;
    for (const text of DATA.frames.split(";").slice(0, -1)) {
        const [up, name, total, self, before, selfBefore] =
            text.split(",").map(field => field === "" ? undefined : parseInt(field, 36));
        for (let i = 0; i < up; i++)
            parent = parent.parent;
        const frame = {
            index: frames.length, name, total, self, before: before || 0,
            selfBefore: selfBefore || 0, parent, depth: parent ? parent.depth + 1 : 0, children: [],
        };
        if (parent)
            parent.children.push(frame);
        frames.push(frame);
        parent = frame;
    }
    for (const frame of frames) { /* those that were left out have a place too, and no more */
        const below = frame.children.reduce((sum, child) => sum + child.total, 0);
        frame.self ??= frame.total - below;
        frame.leftOut = frame.total - frame.self - below;
    }
}
const all = frames[0], compares = "before" in DATA;
const nameOf = frame => frame.index ? DATA.names[frame.name] : "all";
const kindOf = frame => DATA.kinds[DATA.kindOf[frame.name]];

/* ---- figures ---- */

function scaled(value, units, step) {
    let unit = 0;
    for (; value >= step && unit + 1 < units.length; unit++)
        value /= step;
    return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0) + " " + units[unit];
}
const grouped = value => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
const show = value =>
    DATA.unit === "ns" ? (value < 1000 ? value + " ns" : scaled(value / 1000, ["us", "ms", "s"], 1000))
    : DATA.unit === "bytes"
        ? (value < 1024 ? value + " B" : scaled(value / 1024, ["KiB", "MiB", "GiB", "TiB"], 1024))
        : grouped(value);
function exact(value) {
    const plain = grouped(value) + (DATA.unit === "count" ? "" : " " + DATA.unit);
    return DATA.unit === "count" || value < 1000 ? plain : show(value) + " (" + plain + ")";
}
const percent = (part, whole) => (whole ? 100 * part / whole : 0).toFixed(2) + "\u202f%";

/* What is said of a frame, a line each. */
function describe(frame) {
    const lines = [
        "with all it called: " + exact(frame.total) + ", " + percent(frame.total, all.total) + " of all" +
            (frame.parent && frame.parent.index
                 ? ", " + percent(frame.total, frame.parent.total) + " of its caller" : ""),
        "by itself: " + exact(frame.self) + ", " + percent(frame.self, all.total) + " of all"];
    if (compares) {
        lines.push("before: " + exact(frame.before) + ", " + percent(frame.before, DATA.before) + " of all; " +
                   "by itself: " + exact(frame.selfBefore));
        const points = 100 * (share(frame.total, all.total) - share(frame.before, DATA.before));
        lines.push(frame.before === 0 ? "it is new"
                   : "its share " + (points >= 0 ? "grew" : "shrank") + " by " +
                         Math.abs(points).toFixed(2) + " points");
    }
    return lines;
}
const share = (part, whole) => whole ? part / whole : 0;
const whereOf = frame => {
    const [colour, , label, path] = kindOf(frame);
    return path || (["process", "sample"].includes(colour) || /^m\d$/.test(colour) ? "" : "a call: " + label);
};

/* ---- colours ---- */

/* Red: a larger share than before; blue: a smaller one. */
function change(frame) {
    const now = share(frame.total, all.total), was = share(frame.before, DATA.before);
    const by = (now - was) / Math.max(now, was, 1e-12);
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const strength = Math.abs(by) < 0.005 ? 0 : 0.15 + 0.85 * Math.abs(by);
    return "hsl(" + (by > 0 ? 8 : 214) + " " + Math.round(strength * 80) + "% " +
           Math.round(dark ? 30 + 12 * strength : 88 - 20 * strength) + "%)";
}
/* Three shades, so that neighbours differ. */
function shade(text) {
    let hash = 7;
    for (let i = 0; i < text.length; i++)
        hash = (hash * 31 + text.charCodeAt(i)) >>> 0;
    return [1, 0.9, 0.8][hash % 3];
}

/* ---- text that fits ---- */

const pen = html("canvas", {}).getContext("2d");
pen.font = '12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';
const widths = new Map();
function widthOf(character) {
    if (!widths.has(character))
        widths.set(character, pen.measureText(character).width);
    return widths.get(character);
}
function cut(text, room) {
    let width = 0, kept = 0;
    const dots = widthOf("…");
    for (let i = 0; i < text.length; i++) {
        width += widthOf(text[i]);
        if (width + dots <= room)
            kept = i + 1;
        if (width > room)
            return kept > 1 ? text.slice(0, kept) + "…" : "";
    }
    return text;
}
/* Without what stands in < > and ( ), and without the type that is returned. */
function shorten(name) {
    let text = "", depth = 0;
    for (let i = 0; i < name.length; i++) {
        const opens = "<(".includes(name[i]) && !/operator[<(]?$|^$/.test(name.slice(Math.max(i - 9, 0), i));
        if (opens && depth++ === 0)
            text += name[i] + "…";
        else if (depth && ">)".includes(name[i]) && name[i - 1] !== "-" && --depth === 0)
            text += name[i];
        else if (!depth)
            text += name[i];
    }
    if (depth)
        return name;
    return text.replace(/\(…\)/g, "()").replace(/^[^ ()]+ (?=[^ ]+\(\))/, "");
}
function fit(text, room) {
    const label = cut(text, room);
    return label === text || !/[<(]/.test(text) ? label : cut(shorten(text), room);
}

/* ---- what is drawn ---- */

const view = {zoom: all, flame: !!DATA.flame, chosen: null, hits: null, below: null};
const head = html("div", {class: "head"}), headBox = make(SVG, "foreignObject", {x: 0, y: 0}, head);
const layer = make(SVG, "g", {id: "frames"});
const tip = html("div", {class: "tip", id: "tip"});
const tipBox = make(SVG, "foreignObject", {width: TIP, height: 10, visibility: "hidden"}, tip);
tipBox.style.pointerEvents = "none";

/* The frames that can be seen, each with its place; runs of narrow ones as one. */
function place(width) {
    const placed = [];
    for (let frame = view.zoom.parent; frame; frame = frame.parent)
        placed.push({frame, x: 0, width, around: true});
    const scale = width / (view.zoom.total || 1);
    (function below(frame, x) {
        placed.push({frame, x, width: frame.total * scale});
        let run = 0;
        const endRun = () => {
            if (run >= NARROW)
                placed.push({frame: null, depth: frame.depth + 1, x: x - run, width: run, within: frame});
            run = 0;
        };
        for (const child of frame.children) {
            const wide = child.total * scale;
            if (wide >= NARROW) {
                endRun();
                below(child, x);
            } else {
                run += wide;
            }
            x += wide;
        }
        run += frame.leftOut * scale;
        x += frame.leftOut * scale;
        endRun();
    })(view.zoom, 0);
    return placed;
}

function isHit(item) {
    return view.hits && (item.frame ? view.hits[item.frame.index]
                                    : item.within.children.some(child => view.below[child.index]));
}

function drawFrame(item, y) {
    const frame = item.frame, gap = item.width > 3 ? 1 : 0, hit = isHit(item);
    const rect = make(SVG, "rect", {x: (PAD + item.x).toFixed(2), y, height: ROW - 1,
                                    width: Math.max(item.width - gap, 0.5).toFixed(2)});
    const classes = [item.around ? "around" : "", hit ? "hit" : ""];
    if (frame) {
        const name = nameOf(frame), label = item.width > 20 ? fit(name, item.width - 2 * INSET) : "";
        rect.dataset.i = frame.index;
        rect.setAttribute("aria-label", name + ", " + show(frame.total) + ", " + percent(frame.total, all.total));
        if (compares) {
            rect.style.fill = change(frame);
        } else {
            classes.push(kindOf(frame)[0]);
            rect.style.fillOpacity = shade(name);
        }
        if (frame === view.chosen)
            classes.push("chosen");
        layer.append(rect);
        if (label)
            layer.append(make(SVG, "text", {x: (PAD + item.x + INSET).toFixed(2), y: y + 13,
                                            class: hit ? "hit" : ""}, label));
    } else {
        rect.dataset.within = item.within.index;
        layer.append(rect);
    }
    rect.setAttribute("class", classes.join(" ").trim());
}

function draw() {
    const outer = root.getBoundingClientRect().width || innerWidth, width = Math.max(outer - 2 * PAD, 50);
    headBox.setAttribute("width", outer);
    headBox.setAttribute("height", 10);
    const top = Math.ceil(head.getBoundingClientRect().height);
    headBox.setAttribute("height", top);
    const placed = place(width);
    const rows = 1 + placed.reduce((most, {frame, depth}) => Math.max(most, frame ? frame.depth : depth), 0);
    layer.textContent = "";
    layer.setAttribute("class", view.hits ? "searching" : "");
    for (const item of placed) {
        const depth = item.frame ? item.frame.depth : item.depth;
        drawFrame(item, top + (view.flame ? rows - 1 - depth : depth) * ROW);
    }
    root.setAttribute("height", Math.max(top + rows * ROW + PAD, innerHeight - 1));
    resetButton.disabled = view.zoom === all;
}

/* ---- the tip ---- */

function showTip(x, y, title, where, lines) {
    tip.textContent = "";
    tip.append(html("b", {}, title));
    if (where)
        tip.append(html("span", {class: "where"}, where));
    for (const line of lines)
        tip.append(html("span", {}, line));
    tipBox.setAttribute("height", 2000);
    const box = tip.getBoundingClientRect(), outer = root.getBoundingClientRect();
    const low = innerHeight - outer.top, left = Math.min(x + 14, outer.width - box.width - 6);
    tipBox.setAttribute("x", Math.max(left, 2));
    tipBox.setAttribute("y", y + 20 + box.height > low ? Math.max(y - box.height - 12, 2) : y + 20);
    tipBox.setAttribute("height", Math.ceil(box.height) + 2);
    tipBox.setAttribute("visibility", "visible");
}
const hideTip = () => tipBox.setAttribute("visibility", "hidden");

function tipFor(target, x, y) {
    if (target.dataset && target.dataset.i) {
        const frame = frames[target.dataset.i];
        showTip(x, y, nameOf(frame), frame.index ? whereOf(frame) : "", describe(frame));
    } else if (target.dataset && target.dataset.within) {
        const within = frames[target.dataset.within], lines = ["called by " + nameOf(within)];
        if (within.children.length)
            lines.push("zoom in to see more of them");
        if (within.leftOut)
            lines.push("not in this picture: " + exact(within.leftOut));
        showTip(x, y, "narrow frames", "", lines);
    } else {
        hideTip();
    }
}

/* ---- moving about ---- */

function zoom(frame) {
    view.zoom = frame;
    hideTip();
    draw();
}

function choose(frame) {
    if (!frame)
        return;
    view.chosen = frame;
    for (let at = frame; at !== view.zoom; at = at.parent)
        if (!at) { /* it is not below what is zoomed to */
            view.zoom = all;
            break;
        }
    draw();
    const rect = layer.querySelector('rect[data-i="' + frame.index + '"]');
    if (!rect)
        return;
    rect.scrollIntoView({block: "nearest"});
    tipFor(rect, Number(rect.getAttribute("x")), Number(rect.getAttribute("y")));
}

function step(key) {
    const at = view.chosen || view.zoom;
    const inward = (key === "ArrowUp") === view.flame;
    if (key === "ArrowUp" || key === "ArrowDown") {
        choose(inward ? at.children[0] : at.parent);
    } else if (at.parent) {
        const siblings = at.parent.children;
        choose(siblings[siblings.indexOf(at) + (key === "ArrowRight" ? 1 : -1)]);
    }
}

/* ---- searching ---- */

/* TEXT in any case, /REGULAR EXPRESSION/, or in:MODULE OR CATEGORY. */
function matcher(query) {
    const lower = query.toLowerCase();
    const expression = query.match(/^\/(.+)\/$/);
    if (expression) {
        const compiled = new RegExp(expression[1]);
        return frame => compiled.test(nameOf(frame));
    }
    if (lower.startsWith("in:"))
        return frame => kindOf(frame)[2].toLowerCase() === lower.slice(3);
    return frame => nameOf(frame).toLowerCase().includes(lower);
}

function search(query) {
    view.hits = view.below = null;
    found.textContent = "";
    clearButton.disabled = !query;
    if (query) {
        try {
            const matches = matcher(query);
            view.hits = frames.map(frame => frame.index > 0 && matches(frame));
        } catch (error) {
            found.textContent = "no regular expression: " + error.message;
        }
    }
    if (view.hits) {
        const count = view.hits.filter(Boolean).length;
        let sum = 0;
        view.below = view.hits.slice();
        for (let i = frames.length; --i > 0;)
            if (view.below[i])
                view.below[frames[i].parent.index] = true;
        (function outermost(frame) { /* what is in a match counts once */
            if (view.hits[frame.index])
                sum += frame.total;
            else
                frame.children.forEach(outermost);
        })(all);
        found.textContent = "matched: " + percent(sum, all.total) + ", " + show(sum) + ", in " +
                            grouped(count) + (count === 1 ? " frame" : " frames");
    }
    draw();
}

function nextHit(back) {
    if (!view.hits)
        return;
    const count = frames.length, from = view.chosen ? view.chosen.index : 0;
    for (let i = 1; i <= count; i++) {
        const at = (from + (back ? count - i : i)) % count;
        if (view.hits[at]) {
            choose(frames[at]);
            return;
        }
    }
}

/* ---- the head ---- */

const input = html("input", {type: "search", placeholder: "search: text or /expression/", id: "search",
                             "aria-label": "search for functions", spellcheck: "false"});
const found = html("span", {class: "found", id: "found", "aria-live": "polite"});
const clearButton = html("button", {type: "button", id: "clear", disabled: ""}, "clear");
const resetButton = html("button", {type: "button", id: "reset", disabled: ""}, "whole picture");
const turnButton = html("button", {type: "button", id: "turn"}, "turn over");

function setSearch(query) {
    input.value = query;
    search(query);
}

function reset() {
    view.chosen = null;
    zoom(all);
}

function turn() {
    view.flame = !view.flame;
    draw();
}

function legend() {
    const box = html("div", {class: "legend"});
    if (compares) {
        for (const [text, colour] of [["a larger share than before", "hsl(8 80% 62%)"],
                                      ["a smaller one", "hsl(214 80% 62%)"]]) {
            const patch = html("i", {});
            patch.style.background = colour;
            box.append(html("span", {}, patch, " " + text));
        }
        return box;
    }
    const kinds = DATA.kinds.filter(kind => kind[1] > 0).sort((a, b) => b[1] - a[1]).slice(0, 12);
    for (const [colour, self, label, path] of kinds) {
        const patch = html("i", {});
        patch.style.background = "var(--" + colour + ", var(--other))";
        const button = html("button", {type: "button", title: path || "calls: " + label}, patch,
                            label + " " + percent(self, all.total));
        button.addEventListener("click", () => setSearch("in:" + label));
        box.append(button);
    }
    return box;
}

function fillHead() {
    const sum = html("p", {class: "sum"}, DATA.title + ": " + exact(all.total));
    if (compares)
        sum.append("; before: " + exact(DATA.before) + " (" + DATA.other + ")");
    head.append(html("h1", {}, DATA.command), sum);
    for (const note of DATA.notes.split("\n").filter(Boolean))
        head.append(html("p", {class: "note"}, note));
    const keys = html("span", {class: "keys"}, "click: zoom · arrows: go about · Enter: zoom there · " +
                                               "Esc: back · /: search");
    head.append(html("div", {class: "bar"}, input, clearButton, resetButton, turnButton, found, keys), legend());
}

/* ---- what the user does ---- */

function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey)
        return;
    if (event.target === input) {
        if (event.key === "Enter")
            nextHit(event.shiftKey);
        else if (event.key === "Escape")
            setSearch(""), input.blur();
        return;
    }
    const isButton = event.target.localName === "button";
    if (event.key.startsWith("Arrow"))
        step(event.key);
    else if ((event.key === "Enter" || event.key === " ") && !isButton && view.chosen)
        zoom(view.chosen);
    else if (event.key === "Escape")
        view.hits && view.zoom === all ? setSearch("") : reset();
    else if (event.key === "/")
        input.focus();
    else if (event.key === "n" || event.key === "N")
        nextHit(event.key === "N");
    else
        return;
    event.preventDefault();
}

document.getElementById("still").remove();
root.removeAttribute("viewBox");
root.setAttribute("width", "100%");
root.append(headBox, layer, tipBox);
fillHead();
draw();

let waiting = 0;
addEventListener("resize", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
document.addEventListener("keydown", onKey);
layer.addEventListener("click", event => {
    const at = event.target.dataset.i || event.target.dataset.within;
    if (at)
        zoom(frames[at]);
});
layer.addEventListener("mousemove", event => {
    const outer = root.getBoundingClientRect();
    tipFor(event.target, event.clientX - outer.left, event.clientY - outer.top);
});
layer.addEventListener("mouseleave", hideTip);
input.addEventListener("input", () => search(input.value.trim()));
clearButton.addEventListener("click", () => setSearch(""));
resetButton.addEventListener("click", reset);
turnButton.addEventListener("click", turn);
})();
