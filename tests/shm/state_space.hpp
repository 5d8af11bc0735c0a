#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace locum::tests {

/// Walks through every interleaving of a model, one atomic operation a step, in a sequentially consistent
/// memory. A model is a value with `operator<=>`, copied for each step, with
///   int threads() const;            number of threads
///   bool step(int thread);          one step of that thread; false if it is done or must wait
///   int events() const;             optional: number of events that may happen, such as a death
///   bool happen(int event);         one of them; false if it cannot happen now
///   std::string wrong() const;      what is wrong, or empty; called in each state
///   bool finished() const;          whether a state in which no thread can step is a valid end
struct Walk {
  std::size_t states = 0;
  std::string wrong;  ///< of the first bad state found; empty if there is none
};

template <class Model>
[[nodiscard]] Walk walk_all(const Model& start) {
  std::set<Model> seen{start};
  std::vector<Model> open{start};
  Walk walk;
  while (!open.empty()) {
    const Model state = open.back();
    open.pop_back();
    ++walk.states;
    walk.wrong = state.wrong();
    if (!walk.wrong.empty()) {
      return walk;
    }
    const auto reach = [&](const Model& next) {
      if (seen.insert(next).second) {
        open.push_back(next);
      }
    };
    if constexpr (requires { state.events(); }) {
      for (int event = 0; event < state.events(); ++event) {
        if (Model next = state; next.happen(event)) {
          reach(next);
        }
      }
    }
    bool stuck = true;
    for (int thread = 0; thread < state.threads(); ++thread) {
      Model next = state;
      if (next.step(thread)) {
        stuck = false;
        reach(next);
      }
    }
    if (stuck && !state.finished()) {
      walk.wrong = "no thread can take a step";
      return walk;
    }
  }
  return walk;
}

}  // namespace locum::tests
