"use strict";
(function () {
  var config = JSON.parse(document.getElementById("plot-config").textContent);
  var darkQuery = window.matchMedia("(prefers-color-scheme: dark)");
  var printing = false;
  function dark() { return darkQuery.matches && !printing; }

  // Lift the lightness of a colour so that it reads on a dark page; the order of a colour scale is kept.
  function lifted(hex) {
    var r = parseInt(hex.slice(1, 3), 16) / 255, g = parseInt(hex.slice(3, 5), 16) / 255, b = parseInt(hex.slice(5, 7), 16) / 255;
    var max = Math.max(r, g, b), min = Math.min(r, g, b), l = (max + min) / 2, d = max - min, h = 0, s = 0;
    if (d) {
      s = l > 0.5 ? d / (2 - max - min) : d / (max + min);
      h = max === r ? (g - b) / d + (g < b ? 6 : 0) : max === g ? (b - r) / d + 2 : (r - g) / d + 4;
    }
    // black lines mark on coloured bars: they become white ones, not the grey that the middle of the scale would be
    if (max < 0.35 && d < 0.12) return "hsl(" + Math.round(h * 60) + ",20%,94%)";
    return "hsl(" + Math.round(h * 60) + "," + Math.round(s * 85) + "%," + Math.round((0.5 + 0.36 * l) * 100) + "%)";
  }
  function walk(thing) {
    if (typeof thing === "string") return /^#[0-9a-fA-F]{6}$/.test(thing) ? lifted(thing) : thing;
    if (Array.isArray(thing)) return thing.map(walk);
    if (thing && typeof thing === "object") {
      var out = {};
      Object.keys(thing).forEach(function (k) { out[k] = walk(thing[k]); });
      return out;
    }
    return thing;
  }
  function axes(layout, look) {
    Object.keys(layout).forEach(function (k) {
      if (/^[xy]axis/.test(k)) { Object.assign(layout[k], look); if (layout[k].zerolinecolor) layout[k].zerolinecolor = look.linecolor; }
    });
  }
  // Long names beside bars would leave no room for the bars; their ends tell cells of a batch apart.
  var MOST_LETTERS = 16;
  function short(name) {
    var bare = String(name).replace(/<[^>]*>/g, "");  // letters, not the marks of low ones
    return bare.length > MOST_LETTERS ? bare.slice(0, 5) + "…" + bare.slice(-(MOST_LETTERS - 6)) : name;
  }
  function shorten(figure) {
    var axis = figure.layout.yaxis;
    if (!axis) return;
    if (axis.ticktext) axis.ticktext = axis.ticktext.map(short);
    if (axis.type !== "category") return;
    axis.labelalias = {};
    figure.data.forEach(function (trace) {
      (trace.y || []).forEach(function (name) { if (short(name) !== name) axis.labelalias[name] = short(name); });
    });
  }
  // Where texts have names to stand for them on a narrow page, these are drawn.
  function namesAlone(trace) {
    if (!trace.meta || !trace.meta.narrow) return;
    trace.text = trace.meta.narrow;
    trace.textfont.size = 9;
  }
  function spec(node) {
    var figure = JSON.parse(document.getElementById(node.id + "-spec").textContent);
    var layout = figure.layout;
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    if (dark()) {
      figure.data = walk(figure.data);
      layout.font.color = "#D5DBDF";
      layout.hoverlabel.bgcolor = "#26303A";
      axes(layout, { gridcolor: "#2C363F", linecolor: "#66737D", tickcolor: "#66737D" });
      (layout.annotations || []).forEach(function (a) {
        if (a.font && a.font.color) a.font.color = walk(a.font.color);
        if (a.bgcolor) a.bgcolor = "rgba(20,26,32,0.75)";
      });
    }
    if (printing) {
      var grid = node.closest(".figures").classList;
      layout.width = grid.contains("one") ? 660 : grid.contains("small") ? 205 : 320;  // columns of A4, px
    }
    if (node.clientWidth < 460) shorten(figure);
    if (node.clientWidth < 640) figure.data.forEach(namesAlone);
    if (printing && node.closest(".brief")) {  // six of them on a page
      layout.width = 228;
      layout.height = Math.min(layout.height, 258);
      smaller(figure, 8.5, 40, 14);
      layout.margin.t = Math.min(layout.margin.t, 10);
      layout.annotations = (layout.annotations || []).filter(function (a) { return a.xref !== "x"; });  // the page names segments
    } else if (node.clientWidth < 460 || printing) {
      smaller(figure, 11, 50, 18);
    }
    if (layout.showlegend && layout.legend && layout.legend.orientation === "h") legendAcross(layout, layout.width || node.clientWidth);
    return figure;
  }
  // A legend above a figure may be as wide as the figure, not only as its axes (Plotly gives that width to one that
  // begins left of them), and as high as it needs: no scroll bar.
  function legendAcross(layout, width) {
    var margin = layout.margin, tight = layout.legend.font.size < 10;
    Object.assign(layout.legend, { maxheight: 4000, tracegroupgap: 0, indentation: tight ? -6 : 0 });
    if (width < 460) layout.legend.x = -(margin.l - 4) / (width - margin.l - margin.r);
  }
  // A legend of many rows takes its room from the axes; they get it back below, but on the page of a folded cell.
  function makeRoom(node) {
    if (node.closest(".brief")) return;
    var full = node._fullLayout, taken = full._size.t - full.margin.t;
    if (full.showlegend && taken > 4) window.Plotly.relayout(node, { height: full.height + Math.round(taken) });
  }
  function smaller(figure, size, left, right) {
    var layout = figure.layout, margin = layout.margin;
    layout.font.size = size;
    layout.margin = Object.assign({}, margin, { l: Math.min(margin.l, left), r: Math.min(margin.r, right), b: Math.min(margin.b, 4 * size) });
    if (layout.legend) layout.legend.font = { size: size < 10 ? 7.5 : printing ? 9.5 : size };
    axes(layout, { tickfont: { size: size - 0.5 } });
    Object.keys(layout).forEach(function (k) { if (/^[xy]axis/.test(k) && layout[k].title) layout[k].title.font = Object.assign({}, layout[k].title.font, { size: size }); });
    (layout.annotations || []).forEach(function (a) { if (a.font) a.font.size = Math.min(a.font.size, size); });
    figure.data.forEach(function (trace) {
      if (trace.line && size < 10) trace.line.width = Math.min(trace.line.width, 1.1);
      if (trace.marker && size < 10 && trace.marker.size > 4) trace.marker.size = 4;
      var bar = trace.marker && trace.marker.colorbar;
      if (bar) Object.assign(bar, { title: Object.assign({}, bar.title, { font: { size: size } }), tickfont: { size: size - 0.5 }, thickness: 0.9 * size });
    });
  }
  // Browsers lay out what a folded <details> holds, so its width does not tell that it is hidden.
  function hidden(node) { return !node.clientWidth || node.closest("details:not([open])"); }
  function draw(node) {
    if (hidden(node)) return;
    var figure = spec(node);
    var small = window.matchMedia("(hover: none)").matches;
    window.Plotly.react(node, figure.data, figure.layout, Object.assign({}, config, small ? { displayModeBar: false, scrollZoom: false } : {}));
    makeRoom(node);
    node.dataset.drawn = "1";
  }
  var plots = Array.prototype.slice.call(document.querySelectorAll(".plot"));
  var seen = new IntersectionObserver(function (entries) {
    entries.forEach(function (e) { if (e.isIntersecting && !e.target.dataset.drawn) draw(e.target); });
  }, { rootMargin: "600px 0px" });
  plots.forEach(function (p) { seen.observe(p); });
  // What is unfolded is drawn when the browser has time, so that scrolling and saving as PDF find it ready.
  // A busy machine has no idle time: then it is drawn all the same.
  function later(f) { if (window.requestIdleCallback) window.requestIdleCallback(f, { timeout: 150 }); else setTimeout(f, 60); }
  function rest() {
    var next = plots.find(function (p) { return !p.dataset.drawn && !hidden(p); });
    if (next) { draw(next); later(rest); }
  }
  later(rest);
  function redraw() { plots.forEach(function (p) { if (p.dataset.drawn) draw(p); }); }
  darkQuery.addEventListener("change", redraw);
  // Paper cannot be unfolded: all but crystals, which are long and say so, is printed open, of folded cells the main part.
  var unfolded = [], brief = [];
  window.addEventListener("beforeprint", function () {
    printing = true;
    brief = Array.prototype.slice.call(document.querySelectorAll("details.cell:not([open])"));
    brief.forEach(function (d) { d.classList.add("brief"); });
    unfolded = Array.prototype.slice.call(document.querySelectorAll("details:not([open]):not(.shelf)"));
    unfolded.forEach(function (d) { d.open = true; });
    plots.forEach(draw);
  });
  window.addEventListener("afterprint", function () {
    printing = false;
    unfolded.forEach(function (d) { d.open = false; });
    brief.forEach(function (d) { d.classList.remove("brief"); });
    redraw();
  });

  function reveal() {
    var target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (var n = target; n; n = n.parentElement) if (n.tagName === "DETAILS") n.open = true;
    target.scrollIntoView();
  }
  window.addEventListener("hashchange", reveal);
  document.querySelectorAll('a[href^="#"]').forEach(function (a) {
    a.addEventListener("click", function () { if (a.hash === location.hash) reveal(); });
  });
  reveal();

  var button = document.getElementById("toggle-all");
  if (button) {
    var cells = Array.prototype.slice.call(document.querySelectorAll("details.cell"));
    var label = function () { button.textContent = cells.every(function (c) { return c.open; }) ? "Fold all" : "Open all"; };
    button.hidden = false;
    label();
    button.addEventListener("click", function () {
      var open = !cells.every(function (c) { return c.open; });
      cells.forEach(function (c) { c.open = open; });
      label();
    });
    cells.forEach(function (c) { c.addEventListener("toggle", label); });
  }

  var links = {};
  document.querySelectorAll("nav.side a").forEach(function (a) { links[a.hash.slice(1)] = a; });
  var here = new IntersectionObserver(function (entries) {
    entries.forEach(function (e) {
      var a = links[e.target.id];
      if (a) { if (e.isIntersecting) a.setAttribute("aria-current", "true"); else a.removeAttribute("aria-current"); }
    });
  }, { rootMargin: "-20% 0px -70% 0px" });
  document.querySelectorAll("main section[id], details.cell").forEach(function (s) { here.observe(s); });
})();
