"use strict";
(() => {
  const place = document.getElementById("plan-sliders");
  if (!place) return;
  const model = JSON.parse(place.dataset.model);
  const digits = x => x === 0 ? "0" : x.toLocaleString("en", {maximumSignificantDigits: 4});
  const short = x => Math.abs(x) >= 1e15 ? x.toExponential(2)
    : x.toLocaleString("en", {notation: "compact", maximumSignificantDigits: 3});
  const inputs = {};

  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  // A slider is logarithmic: its position is the power of ten.
  const slider = (name, label, from, to, start, shown) => {
    const at = Math.log10(start);
    const input = element("input", {type: "range", min: Math.min(from, at), max: Math.max(to, at), step: "any", id: `slide-${name}`});
    input.value = at;
    const output = element("output", {htmlFor: input.id});
    inputs[name] = () => 10 ** Number(input.value);
    const show = () => { output.textContent = shown(inputs[name]()); input.setAttribute("aria-valuetext", output.textContent); };
    input.addEventListener("input", () => { show(); compute(); });
    // The keys move a tenth of a power of ten.
    input.addEventListener("keydown", event => {
      const way = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1}[event.key];
      if (!way) return;
      event.preventDefault();
      input.value = Number(input.value) + way / 10;
      input.dispatchEvent(new Event("input"));
    });
    place.append(element("div", {className: "slider"}, element("label", {htmlFor: input.id, textContent: label}), input, output));
    show();
  };
  slider("parameters", "Model size", 6, 13, model.n_parameters, x => `${short(x)} parameters`);
  for (const each of model.modalities)
    slider(`times-${each.name}`, `${each.name}: this corpus, times`, 0, 9, model.times, x => `× ${digits(x)}`);
  for (const each of model.modalities)
    slider(`price-${each.name}`, `${each.name}: price of a GB`, -4, 3, each.price, x => digits(x));
  slider("price-gpu", "Price of a GPU hour", -2, 2, model.gpu_hour, x => digits(x));

  const body = element("tbody");
  place.append(element("div", {className: "scroll"}, element("table", {},
    element("caption", {textContent: "What follows"}), body)));
  const cells = {};
  const line = (name, label) => {
    const value = element("td", {className: "n"}), note = element("td");
    value.dataset.name = name;
    body.append(element("tr", {}, Object.assign(element("th", {textContent: label}), {scope: "row"}), value, note));
    cells[name] = (number, text, said = "") => {
      value.dataset.value = String(number);
      value.textContent = text;
      note.textContent = said;
    };
  };
  line("score", "score, log(P ∏ N)");
  for (const law of model.laws) line(`loss:${law.name}`, `loss by ${law.name} (${law.scope.join(", ")})`);
  for (const each of model.modalities) line(`tokens:${each.name}`, `tokens of ${each.name} (${each.tokenizer})`);
  for (const each of model.modalities) line(`worth:${each.name}`, `one more unit of money for ${each.name}`);
  line("flops", "training compute, 6 P N");
  line("gpu_hours", "GPU hours");
  line("training_money", "price of training");

  function compute() {
    const size = inputs["parameters"](), tokens = {}, seen = {};
    let score = Math.log(size), total = 0;
    for (const each of model.modalities) {
      const times = inputs[`times-${each.name}`]();
      tokens[each.name] = times * each.tokens;
      seen[each.name] = times * each.seen;
      score += Math.log(seen[each.name]);
      total += tokens[each.name];
      cells[`tokens:${each.name}`](tokens[each.name], short(tokens[each.name]));
      // d log(tokens) / d money: a GB adds its share of what is held.
      const worth = 1 / (times * each.gigabytes) / inputs[`price-${each.name}`]();
      cells[`worth:${each.name}`](worth, `+${digits(worth)}`, "score");
    }
    cells["score"](score, digits(score));
    for (const law of model.laws) {
      const data = law.scope.reduce((sum, name) => sum + seen[name], 0);
      const loss = law.E + law.A / size ** law.alpha + law.B / data ** law.beta;
      const outside = Object.entries({n_parameters: size, n_training_tokens: data})
        .filter(([name, x]) => law.ranges[name] && (x < law.ranges[name][0] || x > law.ranges[name][1]))
        .map(([name]) => name.replace("n_", "").replace("_", " "));
      cells[`loss:${law.name}`](loss, digits(loss), outside.length ? `outside the fitted range of ${outside.join(" and ")}` : "");
    }
    const flops = 6 * size * total, hours = flops / (model.gpu_flops * model.utilisation) / 3600;
    cells["flops"](flops, flops.toExponential(2), "FLOP");
    cells["gpu_hours"](hours, short(hours), `${model.gpu_flops.toExponential(2)} FLOP/s at ${model.utilisation * 100} %`);
    cells["training_money"](hours * inputs["price-gpu"](), short(hours * inputs["price-gpu"]()));
  }
  compute();
})();
