#include "tests/core/linearizability.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/hash.hpp"
#include "tests/core/name_register.hpp"

namespace locum::tests {
namespace {

using Verdict = Judgement::Verdict;

bool is_open(const NameOperation& operation) {
  return operation.reply == NameAnswer::unknown;
}

/// The search for a linearization of one name's operations.
class Search {
 public:
  /// `operations` in the order of their beginning.
  explicit Search(std::vector<NameOperation> operations)
      : operations_(std::move(operations)), told_((operations_.size() + 63) / 64) {
    for (std::size_t i = 0; i < operations_.size(); ++i) {
      closed_ += is_open(operations_[i]) ? 0U : 1U;
    }
  }

  Judgement run(std::size_t most_states) {
    Judgement judgement;
    std::vector<Step> story{step()};
    while (closed_told_ < closed_) {
      Step& last = story.back();
      if (last.next == last.candidates.size()) {
        story.pop_back();
        if (story.empty()) {
          judgement.verdict = Verdict::contradiction;
          judgement.why = why();
          break;
        }
        untell(story.back());
        continue;
      }
      const std::size_t candidate = last.candidates[last.next++];
      auto after = last.state.after(operations_[candidate]);
      if (!after) {
        continue;
      }
      tell(candidate);
      if (!seen_.insert({told_, *after}).second) {
        untell(last);
        continue;
      }
      if (++judgement.states > most_states) {
        judgement.verdict = Verdict::undecided;
        judgement.why = "undecided after " + std::to_string(most_states) + " states";
        break;
      }
      order_.push_back(candidate);
      if (closed_told_ > closed_in_best_) {
        closed_in_best_ = closed_told_;
        best_ = order_;
      }
      story.push_back(step(*after));
    }
    return judgement;
  }

 private:
  // The state after the operations placed so far; one of the candidates is next.
  struct Step {
    NameRegister state;
    std::vector<std::size_t> candidates;
    std::size_t next = 0;
  };
  struct Place {
    std::vector<std::uint64_t> told;
    NameRegister state;
    friend bool operator==(const Place&, const Place&) = default;
  };
  struct PlaceHash {
    std::size_t operator()(const Place& place) const noexcept {
      std::uint64_t hash = place.state.value * 31 + place.state.generation * 7 + place.state.last;
      for (const std::uint64_t word : place.told) {
        hash = detail::fold_multiply(hash ^ word, 0x9E3779B97F4A7C15U) + 0xD6E8FEB86659FD93U;
      }
      return hash;
    }
  };

  [[nodiscard]] bool is_told(std::size_t i) const { return (told_[i / 64] >> (i % 64) & 1U) != 0; }
  void flip(std::size_t i) { told_[i / 64] ^= 1ULL << (i % 64); }

  void tell(std::size_t i) {
    flip(i);
    closed_told_ += is_open(operations_[i]) ? 0U : 1U;
    while (first_ < operations_.size() && (is_told(first_))) {
      ++first_;
    }
  }
  // Undoes the operations placed after this step.
  void untell(const Step& step) {
    const std::size_t i = step.candidates[step.next - 1];
    flip(i);
    closed_told_ -= is_open(operations_[i]) ? 0U : 1U;
    first_ = std::min(first_, i);
    if (!order_.empty() && order_.back() == i) {
      order_.pop_back();
    }
  }

  // A candidate has begun before every operation that is not yet placed has ended. Open operations come last:
  // they are placed only if nothing else fits.
  [[nodiscard]] Step step(const NameRegister& state = {}) const {
    Step step{state, {}, 0};
    std::vector<std::size_t> open;
    std::uint64_t first_end = ~0ULL;
    bool open_eviction = false;
    for (std::size_t i = first_; i < operations_.size() && operations_[i].began < first_end; ++i) {
      if (is_told(i)) {
        continue;
      }
      const NameOperation& operation = operations_[i];
      if (!is_open(operation)) {
        first_end = std::min(first_end, operation.ended);
        step.candidates.push_back(i);
      } else if (operation.act != NameAct::evict || operation.expected != 0 ||
                 !std::exchange(open_eviction, true)) {
        open.push_back(i);  // open evictions that have begun are interchangeable
      }
    }
    step.candidates.insert(step.candidates.end(), open.begin(), open.end());
    return step;
  }

  // The longest attempt, and the candidates at its end.
  [[nodiscard]] std::string why() {
    NameRegister state;
    std::string text = "no order explains all replies. The longest story:\n";
    std::ranges::fill(told_, 0);
    first_ = 0;
    for (const std::size_t i : best_) {
      flip(i);
      state = *state.after(operations_[i]);
      if (best_.size() < 12 || i >= best_[best_.size() - 10]) {
        text += "  " + describe(operations_[i]) + '\n';
      }
    }
    text += state.bound ? "then " + std::to_string(state.value) + " is there, generation " +
                              std::to_string(state.generation) + ", and none of these fits:\n"
                        : "then nothing is there, and none of these fits:\n";
    for (const std::size_t i : step(state).candidates) {
      text += "  " + describe(operations_[i]) + '\n';
    }
    return text;
  }

  const std::vector<NameOperation> operations_;
  std::vector<std::uint64_t> told_;  // placed operations, a bit for each
  std::size_t first_ = 0;            // all before it are placed
  std::size_t closed_ = 0;           // operations that must be placed
  std::size_t closed_told_ = 0;
  std::vector<std::size_t> order_;  // of placed operations
  std::vector<std::size_t> best_;
  std::size_t closed_in_best_ = 0;
  std::unordered_set<Place, PlaceHash> seen_;
};

}  // namespace

Judgement judge(const History& history, std::size_t most_states) {
  std::map<std::string, std::vector<NameOperation>> names;
  for (const NameOperation& operation : history.operations()) {
    const bool says_nothing =
        is_open(operation) && (operation.act == NameAct::get || operation.act == NameAct::exists);
    if (!says_nothing) {
      names[operation.name].push_back(operation);
    }
  }
  Judgement all;
  for (auto& [name, operations] : names) {
    Judgement one = Search(std::move(operations)).run(most_states);
    all.states += one.states;
    // A contradiction is certain, even if another name was undecided.
    if (one.verdict != Verdict::linearizable && all.verdict != Verdict::contradiction) {
      all.verdict = one.verdict;
      all.why = '"' + name + "\": " + one.why;
    }
  }
  return all;
}

}  // namespace locum::tests
