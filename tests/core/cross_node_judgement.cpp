#include <algorithm>
#include <map>

#include "tests/core/cross_node_call.hpp"

// What the model says of a call across nodes, of what is found after it, and of what may be left.
namespace locum::tests {

using namespace std::chrono_literals;

std::string CrossNodeCall::judgement() {
  judge_answer();
  judge_third();
  // Ranks of which nobody has missed a reply yet are missed now.
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

// A node of which all have closed says so.
bool CrossNodeCall::says_lost(Errc code) const {
  return code == Errc::peer_lost || (code == Errc::closed && nodes_.has_closed_node());
}

// Whether nobody can know what is asked for: because all who could are dead, or because the one who was asked
// to change something died, and may have done so.
bool CrossNodeCall::may_be_lost() const {
  const auto lost = [&](int node) { return node != 0 && nodes_.is_dead_node(node); };
  const auto hurt = [&](int node) { return node != 0 && nodes_.is_hurt_node(node); };
  const auto died = [&](int node) { return lost(node) && nodes_.is_bereaved_node(node); };
  if (changes() && scene_.copied && (died(1) || died(2))) {
    return true;  // who had a copy; of a node that has closed everybody knows that it shows none
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
  if (scene_.kind == CallKind::wait && answer_.code == Errc::timeout && nodes_.is_hurt_node(1)) {
    return;  // who was to put it died
  }
  if (scene_.kind == CallKind::wait && answer_.code == Errc::timeout && !third_answer_.yes) {
    return;  // or was not told that it had
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
        complain("said no");
      }
      return;
  }
}

// The putter of what is waited for, or the reader of what a closing rank has.
void CrossNodeCall::judge_third() {
  if (!third_answer_.given || third_answer_.code == Errc{} || forgiven(third_answer_.code)) {
    return;
  }
  const bool allowed = scene_.kind == CallKind::close ? nodes_.is_dead_node(0)
                                                      : scene_.home != 1 && nodes_.is_hurt_node(scene_.home);
  if (!says_lost(third_answer_.code) || !allowed) {
    complain("the third rank got error " + std::to_string(static_cast<int>(third_answer_.code)));
  }
}

// Whether an object of that node, under the name, can be read by nobody any more.
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

// What every survivor finds under the name: the same, and what may be there. Of what is lost for good a node
// may have a copy, which its ranks go on reading by the name.
void CrossNodeCall::judge_name() {
  const auto allowed = values_allowed();
  const bool lost = nodes_.is_dead_node(scene_.home) || value_is_lost(0) || value_is_lost(scene_.owner) ||
                    (scene_.kind == CallKind::wait && value_is_lost(1));
  std::map<int, Reply> first;  // by node, where nodes may differ
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

// What was evicted or replaced, is so by its key, too, if whoever did it was told so.
void CrossNodeCall::judge_key() {
  const bool gone = changes() && scene_.kind != CallKind::put && answer_.given && answer_.code == Errc{};
  if (!gone || nodes_.is_bereaved_node(scene_.owner) || nodes_.is_bereaved_node(scene_.home) ||
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

// What its maker's node has no more, no copy shows: not even where nodes have given each other up, once
// leases are over.
void CrossNodeCall::judge_copies() {
  nodes_.network().run_for(8s);  // who was asked to drop one and is dead has been missed by then
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
  // What nobody knows the key of is there only if its home cannot say what became of its name.
  if (!forgiving_ && !nodes_.is_dead_node(scene_.home)) {
    for (const int rank : nodes_.survivors()) {
      if (const auto left = nodes_.world().rank(rank).process.table->owned(store); !left.empty()) {
        complain("rank " + std::to_string(rank) + " still has " + std::to_string(left.size()) +
                 " objects when all that can be found is evicted");
      }
    }
  }
  // What a rank was binding when it closed stays in its node's memory, bound or not.
  for (const int rank : {requester, third}) {
    NodeTable& table = *nodes_.world().rank(rank).process.table;
    for (const Key& key : table.owned(store)) {
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
