#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/core/mortal_nodes.hpp"

namespace locum::tests {

/// The calls of a rank that need other nodes.
enum class CallKind : std::uint8_t {
  put,
  get_by_key,
  get_stale,  ///< by the handle of a replaced object
  get_by_name,
  replace,
  describe_by_key,
  describe_by_name,
  exists_by_key,
  exists_by_name,
  evict_by_key,
  evict_by_name,
  list,
  wait,   ///< for a name that a third rank puts meanwhile
  drop,   ///< of what this rank has put on all nodes
  close,  ///< while another rank requests this one's objects
};

/// Sizes of objects: one that a name's home keeps a copy of, and one that is too large for that, and for the
/// network to copy.
inline constexpr std::size_t small = 16;
inline constexpr std::size_t large = 9000;

/// One call across nodes: rank 0, of node 0, requests an object on node `owner` whose name has its home on
/// node `home`. An object that is put is on node 0.
struct CallScene {
  CallKind kind = CallKind::put;
  int owner = 0;
  int home = 0;
  std::size_t size_bytes = 16;  ///< of the object: kept at the name's home, or fetched from its owner
  bool copied = false;          ///< the other nodes have copies of it
};

[[nodiscard]] std::vector<CallScene> all_call_scenes();
[[nodiscard]] std::string describe(const CallScene& scene);

/// Runs the scene on nodes of which some ranks may die meanwhile, and checks it: each result, and the state
/// found afterwards, must be what the model says, or `peer_lost` where only a dead rank knew the result.
class CrossNodeCall {
 public:
  static constexpr int requester = 0;
  static constexpr int third = 2;  ///< rank that puts the awaited name, and asks the closing rank

  CrossNodeCall(const CallScene& scene, MortalNodes& nodes);

  /// Makes what the scene needs. No rank may die yet.
  void prepare();
  /// Accepts `peer_lost` and `timeout` from any call, and leftovers: for runs in which messages are lost, or
  /// live ranks are taken for dead.
  void forgive() noexcept { forgiving_ = true; }
  /// Starts the programs of the scene.
  void start();
  [[nodiscard]] bool over() const noexcept { return running_ == 0; }
  /// Simulated time of a survivor's longest call, unless forgive() was called.
  [[nodiscard]] std::chrono::nanoseconds longest() const noexcept { return longest_; }
  /// What was wrong with the results, with the state found afterwards, or with what is left after the
  /// survivors have evicted everything. Empty: nothing.
  [[nodiscard]] std::string judgement();

 private:
  struct Reply {
    bool given = false;  // the requester lived long enough to get it
    Errc code{};         // none: success
    bool yes = false;
    std::uint64_t value = 0;
    std::vector<std::string> names{};
  };

  void put_value(int rank, const std::string& name, std::uint64_t value, const SealOptions& options = {});
  void run(int rank, Reply& reply, void (CrossNodeCall::*act)(Reply& reply));
  void ask(Reply& reply);
  void ask_third(Reply& reply);
  template <class T>
  static bool note(Reply& reply, const Result<T>& result);
  void read(Reply& reply, const Result<ObjectView>& found) const;

  static constexpr std::uint32_t store = 3;
  static constexpr std::uint64_t none = 0;  // no value
  static constexpr std::uint64_t old_value = 1;
  static constexpr std::uint64_t new_value = 2;

  [[nodiscard]] bool forgiven(Errc code) const noexcept {
    return forgiving_ && (code == Errc::peer_lost || code == Errc::timeout);
  }
  void judge_answer();
  void judge_third();
  void judge_name();
  void judge_key();
  void judge_copies();
  void evict_all();
  [[nodiscard]] bool changes() const noexcept;
  [[nodiscard]] bool says_lost(Errc code) const;
  [[nodiscard]] bool may_be_lost() const;
  [[nodiscard]] bool value_is_lost(int owner) const;
  [[nodiscard]] std::vector<std::uint64_t> values_allowed() const;
  void complain(const std::string& what) { wrong_ += what + '\n'; }

  const CallScene scene_;
  MortalNodes& nodes_;
  const std::string name_;  // of the scene's object
  std::vector<std::string> names_;
  std::vector<Key> keys_;
  std::optional<Sealed> before_;  // the name's previous object
  Reply answer_;
  Reply third_answer_;
  int running_ = 0;
  bool forgiving_ = false;
  std::chrono::nanoseconds longest_{};
  std::string wrong_;
};

}  // namespace locum::tests
