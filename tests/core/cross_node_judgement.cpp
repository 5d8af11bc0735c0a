#include <algorithm>
#include <map>

#include "tests/core/cross_node_call.hpp"

// The model's results: of a call across nodes, of look-ups after it, and of the leftovers.
namespace locum::tests {

using namespace std::chrono_literals;

std::string CrossNodeCall::judgement() {
  judge_answer();
  judge_third();
  // Deaths that have not been noticed yet are noticed now.
  nodes_.network().run_for(2s);
  judge_name();
  judge_copies();
  if (!forgiving_) {
    judge_key();
    evict_all();
    wrong_ += nodes_.leftovers();
  }
  return wrong_;
}

bool CrossNodeCall::changes() const noexcept {
  switch (scene_.kind) {
    case CallKind::put:
    case CallKind::replace:
    case CallKind::evict_by_key:
    case CallKind::evict_by_name:
    case CallKind::drop:
      return true;
    default:
      return false;
  }
}

// A node that has closed replies so.
bool CrossNodeCall::says_lost(Errc code) const {
  return code == Errc::peer_lost || (code == Errc::closed && nodes_.has_closed_node());
}

// Whether no rank can know the result: because all that could are dead, or because the rank that was asked
// for a change died, and may have made it.
bool CrossNodeCall::may_be_lost() const {
  const auto lost = [&](int node) { return node != 0 && nodes_.is_dead_node(node); };
  const auto hurt = [&](int node) { return node != 0 && nodes_.has_gone_rank(node); };
  const auto died = [&](int node) { return lost(node) && nodes_.has_dead_rank(node); };
  if (changes() && scene_.copied && (died(1) || died(2))) {
    return true;  // it had a copy; everybody knows that a closed node serves none
  }
  switch (scene_.kind) {
    case CallKind::put:
    case CallKind::replace:
      return hurt(scene_.home);
    case CallKind::get_by_key:
    case CallKind::describe_by_key:
    case CallKind::exists_by_key:
      return lost(scene_.owner);
    case CallKind::get_stale:
      return lost(scene_.owner) || lost(scene_.home);
    case CallKind::exists_by_name:
      return lost(scene_.home);
    case CallKind::get_by_name:
    case CallKind::describe_by_name:
    case CallKind::wait:
      return lost(scene_.home) || (scene_.size_bytes == large && lost(scene_.owner));
    case CallKind::evict_by_key:
      return hurt(scene_.owner) || hurt(scene_.home);
    case CallKind::evict_by_name:
      return hurt(scene_.home) || lost(scene_.owner);
    case CallKind::list:
      return lost(1) || lost(2);
    case CallKind::drop:
      return hurt(1) || hurt(2);
    case CallKind::close:
      return false;
  }
  return false;
}

void CrossNodeCall::judge_answer() {
  if (!answer_.given || forgiven(answer_.code)) {
    return;
  }
  if (says_lost(answer_.code) && may_be_lost()) {
    return;
  }
  if (scene_.kind == CallKind::wait && answer_.code == Errc::timeout && nodes_.has_gone_rank(1)) {
    return;  // the rank that had to put it died
  }
  if (scene_.kind == CallKind::wait && answer_.code == Errc::timeout && !third_answer_.yes) {
    return;  // or did not learn that it had
  }
  const Errc right = scene_.kind == CallKind::get_stale ? Errc::stale : Errc{};
  if (answer_.code != right) {
    complain("answered with error " + std::to_string(static_cast<int>(answer_.code)) + " instead of " +
             std::to_string(static_cast<int>(right)));
    return;
  }
  switch (scene_.kind) {
    case CallKind::get_by_key:
    case CallKind::get_by_name:
    case CallKind::wait: {
      const std::uint64_t value = scene_.kind == CallKind::wait ? new_value : old_value;
      if (answer_.value != value) {
        complain("read " + std::to_string(answer_.value) + " instead of " + std::to_string(value));
      }
      return;
    }
    case CallKind::list: {
      auto names = names_;
      std::ranges::sort(names);
      if (answer_.names != names) {
        complain("listed " + std::to_string(answer_.names.size()) + " names, or others");
      }
      return;
    }
    case CallKind::get_stale:
    case CallKind::close:
      return;
    default:
      if (!answer_.yes) {
        complain("returned false");
      }
      return;
  }
}

// The rank that puts the awaited name, or reads the closing rank's object.
void CrossNodeCall::judge_third() {
  if (!third_answer_.given || third_answer_.code == Errc{} || forgiven(third_answer_.code)) {
    return;
  }
  const bool allowed = scene_.kind == CallKind::close ? nodes_.is_dead_node(0)
                                                      : scene_.home != 1 && nodes_.has_gone_rank(scene_.home);
  if (!says_lost(third_answer_.code) || !allowed) {
    complain("the third rank got error " + std::to_string(static_cast<int>(third_answer_.code)));
  }
}

// Whether the named object of that node cannot be read by any rank any more.
bool CrossNodeCall::value_is_lost(int owner) const {
  const bool kept_at_home = scene_.size_bytes == small && owner != scene_.home;
  return nodes_.is_dead_node(owner) && !kept_at_home;
}

std::vector<std::uint64_t> CrossNodeCall::values_allowed() const {
  const bool certain = answer_.given && answer_.code == Errc{};
  switch (scene_.kind) {
    case CallKind::put:
      return certain ? std::vector{new_value} : std::vector{none, new_value};
    case CallKind::replace:
      return certain ? std::vector{new_value} : std::vector{old_value, new_value};
    case CallKind::evict_by_key:
    case CallKind::evict_by_name:
    case CallKind::drop:
      return certain ? std::vector{none} : std::vector{none, old_value};
    case CallKind::wait:
      return third_answer_.yes ? std::vector{new_value} : std::vector{none, new_value};
    case CallKind::get_stale:
      return {new_value};
    default:
      return {old_value};
  }
}

// What each survivor finds with the name: all find the same, and a possible value. A node may have a copy of
// a lost object, which its ranks continue to read by the name.
void CrossNodeCall::judge_name() {
  const auto allowed = values_allowed();
  const bool lost = nodes_.is_dead_node(scene_.home) || value_is_lost(0) || value_is_lost(scene_.owner) ||
                    (scene_.kind == CallKind::wait && value_is_lost(1));
  std::map<int, Reply> first;  // by node, if nodes may differ
  for (const int rank : nodes_.survivors()) {
    Reply seen;
    read(seen, nodes_.world().connector(rank).get(Address(store, name_), {}));
    if (seen.code == Errc::not_found) {
      seen.code = Errc{};
    }
    if (seen.code == Errc{}) {
      if (!std::ranges::count(allowed, seen.value)) {
        complain("afterwards rank " + std::to_string(rank) + " finds value " + std::to_string(seen.value));
      }
    } else {
      if (!forgiven(seen.code) && (!says_lost(seen.code) || !lost)) {
        complain("afterwards rank " + std::to_string(rank) + " gets error " +
                 std::to_string(static_cast<int>(seen.code)));
      }
    }
    const auto [other, is_first] = first.emplace(lost ? nodes_.world().node_of(rank) : 0, seen);
    if (!is_first && !forgiving_ && (other->second.code != seen.code || other->second.value != seen.value)) {
      complain("afterwards rank " + std::to_string(rank) + " finds something else than another one");
    }
  }
}

// An object that was reported as evicted or replaced is gone by its key, too.
void CrossNodeCall::judge_key() {
  const bool gone = changes() && scene_.kind != CallKind::put && answer_.given && answer_.code == Errc{};
  if (!gone || nodes_.has_dead_rank(scene_.owner) || nodes_.has_dead_rank(scene_.home) ||
      nodes_.is_dead_node(scene_.owner)) {
    return;
  }
  for (const int rank : nodes_.survivors()) {
    const auto found = nodes_.world().connector(rank).get(Address(before_->key), {});
    if (found || found.error().code() != Errc::not_found) {
      complain("afterwards rank " + std::to_string(rank) + " finds by its key what is gone");
    }
  }
}

// No copy outlives its object on the maker's node: not even if nodes have given each other up, once leases
// have expired.
void CrossNodeCall::judge_copies() {
  nodes_.network().run_for(8s);  // a dead rank that had to drop a copy is detected by then
  for (const Key& key : keys_) {
    const int maker = static_cast<int>(key.creator);
    const auto owners = nodes_.survivors_of(nodes_.world().node_of(maker));
    if (owners.empty()) {
      continue;
    }
    NodeTable& table = *nodes_.world().rank(owners[0]).process.table;
    if (const auto there = table.pin(key)) {
      table.release(there->id);
      continue;
    }
    for (const int rank : nodes_.survivors()) {
      if (nodes_.world().connector(rank).get(Address(key, 0, scene_.size_bytes), {})) {
        complain("afterwards rank " + std::to_string(rank) + " finds a copy of what is gone");
      }
    }
  }
}

void CrossNodeCall::evict_all() {
  for (const int rank : nodes_.survivors()) {
    Connector& connector = nodes_.world().connector(rank);
    const auto judge = [&](const Result<bool>& gone) {
      if (!gone && !says_lost(gone.error().code())) {
        complain("evicting at the end: " + gone.error().text());
      }
    };
    for (const std::string& name : names_) {
      judge(connector.evict(Address(store, name), {}));
    }
    for (const Key& key : keys_) {
      judge(connector.evict(Address(key), {}));
    }
  }
  // An object with an unknown key is left only if the state of its name cannot be read from the home.
  if (!forgiving_ && !nodes_.is_dead_node(scene_.home)) {
    for (const int rank : nodes_.survivors()) {
      if (const auto left = nodes_.world().rank(rank).process.table->keys(store, Whose::own); !left.empty()) {
        complain("rank " + std::to_string(rank) + " still has " + std::to_string(left.size()) +
                 " objects after all that can be found was evicted");
      }
    }
  }
  // An object that a closing rank was binding stays in its node's memory, bound or not.
  for (const int rank : {requester, third}) {
    NodeTable& table = *nodes_.world().rank(rank).process.table;
    for (const Key& key : table.keys(store, Whose::own)) {
      if (nodes_.is_closed(rank) && !std::ranges::count(keys_, key)) {
        (void)table.tombstone(key);
      }
    }
  }
  for (const int rank : nodes_.survivors()) {
    const auto dropped = nodes_.world().connector(rank).drop(store);
    if (!dropped && !says_lost(dropped.error().code())) {
      complain("dropping at the end: " + dropped.error().text());
    }
  }
}

}  // namespace locum::tests
