#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/core/mortal_nodes.hpp"

namespace locum::tests {

/// What a rank asks of other nodes.
enum class CallKind : std::uint8_t {
  put,
  get_by_key,
  get_stale,  ///< by a handle of what was replaced
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
  drop,   ///< of what this rank has put at all nodes
  close,  ///< while another rank asks for what this one has
};

/// Sizes of objects: what the home of a name keeps a copy of, and what it does not, nor the network copies.
inline constexpr std::size_t small = 16;
inline constexpr std::size_t large = 9000;

/// One call across nodes: rank 0, of node 0, asks for an object that lies on node `owner`, under a name at
/// home on node `home`. A put object lies on node 0.
struct CallScene {
  CallKind kind = CallKind::put;
  int owner = 0;
  int home = 0;
  std::size_t size_bytes = 16;  ///< of the object: kept at the name's home, or fetched from its owner
  bool copied = false;          ///< the other nodes have copies of it
};

[[nodiscard]] std::vector<CallScene> all_call_scenes();
[[nodiscard]] std::string describe(const CallScene& scene);

/// The scene, played on nodes of which some ranks may die meanwhile, and judged: each reply and all that can
/// be found afterwards has to be what the model says, or `peer_lost` where somebody died without whom nobody
/// can know.
class CrossNodeCall {
 public:
  static constexpr int requester = 0;
  static constexpr int third = 2;  ///< rank that puts what is waited for, and asks the one that closes

  CrossNodeCall(const CallScene& scene, MortalNodes& nodes);

  /// Makes what the scene needs, without waiting for anybody to die.
  void prepare();
  /// Messages may be lost, and ranks taken for dead that are not: then any call may end with `peer_lost` or
  /// `timeout`, and something may be left.
  void forgive() noexcept { forgiving_ = true; }
  /// Starts the programs that play it.
  void start();
  [[nodiscard]] bool over() const noexcept { return running_ == 0; }
  /// Simulated time that the longest call of a survivor took, where nothing was forgiven.
  [[nodiscard]] std::chrono::nanoseconds longest() const noexcept { return longest_; }
  /// What was wrong with the replies; then with what is found afterwards, and with what is left when the
  /// survivors have evicted all of it. Empty: nothing.
  [[nodiscard]] std::string judgement();

 private:
  struct Reply {
    bool given = false;  // the requester has lived to get it
    Errc code{};         // none: it went well
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
  const std::string name_;  // of what the scene is about
  std::vector<std::string> names_;
  std::vector<Key> keys_;
  std::optional<Sealed> before_;  // what stood under the name
  Reply answer_;
  Reply third_answer_;
  int running_ = 0;
  bool forgiving_ = false;
  std::chrono::nanoseconds longest_{};
  std::string wrong_;
};

}  // namespace locum::tests
