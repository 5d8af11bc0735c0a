#include "tests/shm/kill_history.hpp"

#include <algorithm>
#include <bitset>
#include <limits>
#include <sstream>
#include <unordered_set>

namespace locum::tests {
namespace {

constexpr std::size_t most_placed = 512;
constexpr std::uint64_t nothing = 0;  // no value
constexpr std::size_t nobody = most_placed;

// The state of the name.
struct State {
  std::uint64_t value = nothing;
  std::uint64_t generation = 0;  // 0: not known
  std::uint64_t replaced = nothing;
  std::size_t replacer = nobody;  // the event that tombstoned `replaced`
  std::uint64_t last = 0;         // the highest known generation of the name so far

  friend bool operator==(const State&, const State&) = default;
};

bool succeeded(const Event& event) {
  return event.code == Errc{};
}

// The state after an event; nothing if its result does not fit.
class Machine {
 public:
  explicit Machine(const std::vector<Event>& events) : events_(events) {}

  [[nodiscard]] std::optional<State> after(const State& before, std::size_t index) const {
    const Event& event = events_[index];
    const bool there = before.value != nothing;
    switch (event.act) {
      case Act::put:
      case Act::seal:
        if (!event.done || succeeded(event)) {
          return there ? std::nullopt : made(event, before, index);
        }
        return when(event.code == Errc::key_exists && there, before);
      case Act::replace:
        return replaced(before, index);
      case Act::get:
      case Act::wait:
        if (!succeeded(event)) {
          return when(!there, before);
        }
        return found(event, before);
      case Act::get_key:
        if (succeeded(event)) {
          return before.value == event.value ? found(event, before) : when(lingers(event, before), before);
        }
        return when(before.value != event.value, before);
      case Act::evict:
        if (event.done) {
          return event.yes == there ? std::optional(gone(before)) : std::nullopt;
        }
        return there ? std::optional(gone(before)) : std::nullopt;
      case Act::evict_key:
        if (!event.done || event.yes) {
          return before.value == event.value ? std::optional(gone(before)) : std::nullopt;
        }
        return when(before.value != event.value, before);
      case Act::drop:
        return before.value == event.value ? gone(before) : before;
      case Act::list:
        return when((event.names != 0) == there, before);
      default:
        return std::nullopt;
    }
  }

 private:
  static std::optional<State> when(bool fits, const State& state) {
    return fits ? std::optional(state) : std::nullopt;
  }

  // The name is not bound any more.
  static State gone(const State& before) {
    State state;
    state.last = before.last;
    return state;
  }

  static std::optional<State> made(const Event& event, const State& before, std::size_t index) {
    State state = gone(before);
    state.value = event.value;
    if (event.done && event.name != unnamed) {
      if (event.generation <= before.last) {
        return std::nullopt;  // generations of a name only grow
      }
      state.generation = event.generation;
      state.last = event.generation;
    }
    if (before.value != nothing) {
      state.replaced = before.value;
      state.replacer = index;
    }
    return state;
  }

  [[nodiscard]] std::optional<State> replaced(const State& before, std::size_t index) const {
    const Event& event = events_[index];
    const bool there = before.value != nothing;
    const bool expected =
        event.expected == 0 || (there && (before.generation == event.expected || (before.generation == 0)));
    if (!event.done || succeeded(event)) {
      return expected ? made(event, before, index) : std::nullopt;
    }
    if (event.expected == 0) {
      return std::nullopt;
    }
    return event.code == Errc::stale ? when(there && before.generation != event.expected, before)
                                     : when(event.code == Errc::not_found && !there, before);
  }

  static std::optional<State> found(const Event& event, const State& before) {
    if (before.value != event.value || event.value == nothing ||
        (before.generation != 0 && before.generation != event.generation)) {
      return std::nullopt;
    }
    State state = before;
    state.generation = event.generation;
    state.last = std::max(before.last, event.generation);
    return state;
  }

  [[nodiscard]] bool lingers(const Event& event, const State& before) const {
    return before.replaced == event.value && events_[before.replacer].end_ns >= event.begin_ns;
  }

  const std::vector<Event>& events_;
};

using Placed = std::bitset<most_placed>;

struct Place {
  Placed placed;
  State state;
  friend bool operator==(const Place&, const Place&) = default;
};

struct PlaceHash {
  std::size_t operator()(const Place& place) const noexcept {
    return std::hash<Placed>{}(place.placed) ^ (place.state.value * 0x9E3779B97F4A7C15U) ^
           (place.state.generation << 7U) ^ place.state.replacer;
  }
};

class Search {
 public:
  explicit Search(const std::vector<Event>& events) : events_(events), machine_(events) {}

  // Whether the remaining operations can be ordered from here. `last_begin` is the latest beginning among the
  // placed ones.
  bool place_rest(const Place& from, std::int64_t last_begin) {
    std::int64_t first_end = std::numeric_limits<std::int64_t>::max();
    bool all = true;
    for (std::size_t index = 0; index < events_.size(); ++index) {
      if (events_[index].done && !from.placed[index]) {
        all = false;
        first_end = std::min(first_end, events_[index].end_ns);
      }
    }
    if (all) {
      return true;
    }
    if (from.placed.count() >= furthest_.placed.count()) {
      furthest_ = from;
    }
    if (!seen_.insert(from).second) {
      return false;
    }
    for (std::size_t index = 0; index < events_.size() && events_[index].begin_ns <= first_end; ++index) {
      const Event& event = events_[index];
      if (from.placed[index] || (!event.done && event.end_ns < last_begin)) {
        continue;
      }
      const auto next = machine_.after(from.state, index);
      if (next &&
          (event.done || !(*next == from.state))) {  // an open operation without an effect need not be placed
        Place place{from.placed, *next};
        place.placed.set(index);
        if (place_rest(place, std::max(last_begin, event.begin_ns))) {
          return true;
        }
      }
    }
    return false;
  }

  [[nodiscard]] std::string furthest() const {
    std::ostringstream text;
    text << "no order of these explains all results; the longest attempt has placed those marked +\n";
    // The last of those, and the first remaining ones; open operations that need no place are left out.
    constexpr std::size_t most_lines = 12;
    const std::size_t all = furthest_.placed.count();
    std::size_t placed = 0;
    std::size_t left = 0;
    for (std::size_t index = 0; index < events_.size(); ++index) {
      const bool is_placed = furthest_.placed[index];
      placed += is_placed ? 1 : 0;
      left += !is_placed && events_[index].done ? 1 : 0;
      if (is_placed ? placed + most_lines > all : events_[index].done && left <= most_lines) {
        text << (is_placed ? "  + " : "  - ") << describe(events_[index]) << '\n';
      }
    }
    text << "  the state is then: value " << furthest_.state.value << ", generation "
         << furthest_.state.generation;
    return text.str();
  }

 private:
  const std::vector<Event>& events_;
  Machine machine_;
  std::unordered_set<Place, PlaceHash> seen_;
  Place furthest_;
};

}  // namespace

std::string describe(const Event& event) {
  std::ostringstream text;
  text << name_of(event.act);
  if (event.name != unnamed) {
    text << " name " << event.name;
  }
  text << " value " << event.value << " key " << event.key;
  if (event.expected != 0) {
    text << " expecting generation " << event.expected;
  }
  text << " at " << event.begin_ns / 1000 << " us";
  if (!event.done) {
    text << ": open until " << event.end_ns / 1000 << " us";
  } else {
    text << " for " << (event.end_ns - event.begin_ns) / 1000 << " us: ";
    if (event.code != Errc{}) {
      text << to_string(event.code);
    } else if (event.act == Act::evict || event.act == Act::evict_key) {
      text << (event.yes ? "true" : "false");
    } else if (event.act == Act::list) {
      text << (event.names != 0 ? "listed" : "not listed");
    } else {
      text << "done, generation " << event.generation;
    }
  }
  return text.str();
}

std::optional<std::string> contradiction(std::vector<Event> events) {
  if (events.size() > most_placed) {
    return "a story of " + std::to_string(events.size()) + " events is too long to be checked";
  }
  std::ranges::sort(events, {}, &Event::begin_ns);
  if (!events.empty()) {  // readable times: relative to the first one
    const std::int64_t start = events.front().begin_ns;
    for (Event& event : events) {
      event.begin_ns -= start;
      event.end_ns -= start;
    }
  }
  Search search(events);
  return search.place_rest({}, std::numeric_limits<std::int64_t>::min()) ? std::nullopt
                                                                         : std::optional(search.furthest());
}

}  // namespace locum::tests
