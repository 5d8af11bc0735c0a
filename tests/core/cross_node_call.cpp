#include "tests/core/cross_node_call.hpp"

#include <algorithm>
#include <cstring>

#include "tests/core/connector_samples.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

constexpr auto wait_time = 12s;
constexpr auto call_timeout = 30s;  // the nodes' default
constexpr auto before_put = 300us;  // which another rank waits for

std::vector<std::byte> bytes_of(std::uint64_t value, std::size_t size_bytes) {
  std::vector<std::byte> bytes = tests::pattern(value, size_bytes);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

}  // namespace

std::vector<CallScene> all_call_scenes() {
  struct Place {
    int owner;
    int home;
  };
  constexpr Place apart{1, 2};
  constexpr Place together{1, 1};
  constexpr Place home_is_mine{1, 0};
  constexpr Place object_is_mine{0, 1};
  std::vector<CallScene> scenes;
  const auto add = [&](CallKind kind, std::initializer_list<Place> places,
                       std::initializer_list<std::size_t> sizes, bool copied = false) {
    for (const Place& place : places) {
      for (const std::size_t size : sizes) {
        scenes.push_back({kind, place.owner, place.home, size, copied});
      }
    }
  };
  add(CallKind::put, {object_is_mine}, {small, large});
  add(CallKind::get_by_key, {apart}, {small, large});
  add(CallKind::get_stale, {apart, together, home_is_mine}, {small});
  add(CallKind::get_by_name, {apart, together, object_is_mine}, {small, large});
  add(CallKind::get_by_name, {home_is_mine}, {large});
  add(CallKind::replace, {apart, together, home_is_mine, object_is_mine}, {small, large});
  add(CallKind::describe_by_key, {apart}, {large});
  add(CallKind::describe_by_name, {apart, together, home_is_mine}, {large});
  add(CallKind::exists_by_key, {apart}, {small});
  add(CallKind::exists_by_name, {apart, object_is_mine}, {small});
  add(CallKind::evict_by_key, {apart, together, home_is_mine, object_is_mine}, {small, large});
  add(CallKind::evict_by_name, {apart, together, home_is_mine, object_is_mine}, {small, large});
  add(CallKind::list, {apart}, {small});
  add(CallKind::wait, {apart, together}, {small, large});
  for (const CallKind kind : {CallKind::replace, CallKind::evict_by_key, CallKind::evict_by_name}) {
    add(kind, {apart, together, home_is_mine, object_is_mine}, {large}, true);
  }
  add(CallKind::drop, {object_is_mine}, {small, large});
  add(CallKind::close, {object_is_mine}, {small, large});
  return scenes;
}

std::string describe(const CallScene& scene) {
  static constexpr const char* kinds[] = {"put",
                                          "get by key",
                                          "get stale",
                                          "get by name",
                                          "replace",
                                          "describe by key",
                                          "describe by name",
                                          "exists by key",
                                          "exists by name",
                                          "evict by key",
                                          "evict by name",
                                          "list",
                                          "wait",
                                          "drop",
                                          "close"};
  return std::string(kinds[static_cast<std::size_t>(scene.kind)]) + ", " + std::to_string(scene.size_bytes) +
         (scene.copied ? " bytes with copies, object on node " : " bytes, object on node ") +
         std::to_string(scene.owner) + ", home on node " + std::to_string(scene.home);
}

CrossNodeCall::CrossNodeCall(const CallScene& scene, MortalNodes& nodes)
    : scene_(scene), nodes_(nodes), name_(nodes.world().name_at(scene.home, store, "name ")), names_{name_} {}

void CrossNodeCall::put_value(int rank, const std::string& name, std::uint64_t value,
                              const SealOptions& options) {
  const auto sealed =
      tests::put(nodes_.world().connector(rank), store, name, bytes_of(value, scene_.size_bytes), options);
  if (!sealed) {
    complain("put failed before anybody died: " + sealed.error().text());
    return;
  }
  keys_.push_back(sealed->key);
  before_ = *sealed;
}

// The object is made by the second rank of its node: the first one serves requests, and may die without being
// the object's maker.
void CrossNodeCall::prepare() {
  const int maker = nodes_.ranks_of(scene_.owner).back();
  switch (scene_.kind) {
    case CallKind::put:
    case CallKind::wait:
      break;
    case CallKind::get_stale: {
      put_value(maker, name_, old_value);
      const auto replaced = before_;
      put_value(maker, name_, new_value, {SealMode::replace, 0});
      before_ = replaced;
      break;
    }
    case CallKind::drop:
    case CallKind::close:
      names_.push_back(nodes_.world().name_at(2, store, "other "));
      put_value(requester, names_[1], old_value);
      put_value(requester, name_, old_value);
      break;
    case CallKind::list:
      names_.push_back(nodes_.world().name_at(0, store, "name a"));
      names_.push_back(nodes_.world().name_at(1, store, "name b"));
      put_value(maker, names_[1], old_value);
      put_value(maker, names_[2], old_value);
      put_value(maker, name_, old_value);
      break;
    default:
      put_value(maker, name_, old_value);
      break;
  }
  for (int node = 0; scene_.copied && node < nodes_.nodes(); ++node) {
    const int reader = nodes_.ranks_of(node).back();
    if (!nodes_.world().connector(reader).get(Address(before_->key, 0, scene_.size_bytes), {})) {
      complain("it cannot be read before any death");
    }
  }
  nodes_.network().run_until_idle();
}

void CrossNodeCall::start() {
  run(requester, answer_, &CrossNodeCall::ask);
  if (scene_.kind == CallKind::wait || scene_.kind == CallKind::close) {
    run(third, third_answer_, &CrossNodeCall::ask_third);
  }
}

void CrossNodeCall::run(int rank, Reply& reply, void (CrossNodeCall::*act)(Reply& reply)) {
  ++running_;
  nodes_.network().start([this, rank, act, &reply] {
    struct Running {
      int& count;
      ~Running() { --count; }
    } const running{running_};
    const auto began = nodes_.network().now();
    (this->*act)(reply);
    if (!nodes_.is_gone(rank)) {
      const std::chrono::nanoseconds took = nodes_.network().now() - began;
      reply.given = true;
      const bool waits = scene_.kind == CallKind::wait && rank == requester;
      if (took > (waits ? wait_time : call_timeout) + 200ms) {
        complain("a call ended long after its deadline");
      }
      if (!forgiving_ && reply.code != Errc::timeout) {
        longest_ = std::max(longest_, took);
      }
    }
  });
}

template <class T>
bool CrossNodeCall::note(Reply& reply, const Result<T>& result) {
  reply.code = result ? Errc{} : result.error().code();
  return static_cast<bool>(result);
}

void CrossNodeCall::read(Reply& reply, const Result<ObjectView>& found) const {
  if (note(reply, found)) {
    std::memcpy(&reply.value, found->bytes().data(), sizeof reply.value);
    if (!tests::holds(*found, bytes_of(reply.value, scene_.size_bytes))) {
      reply.value = ~std::uint64_t{0};
    }
  }
}

void CrossNodeCall::ask(Reply& reply) {
  Connector& here = nodes_.world().connector(requester);
  const Address by_name(store, name_);
  switch (scene_.kind) {
    case CallKind::put:
    case CallKind::replace: {
      const SealMode mode = scene_.kind == CallKind::put ? SealMode::put : SealMode::replace;
      const auto sealed = tests::put(here, store, name_, bytes_of(new_value, scene_.size_bytes), {mode, 0});
      if (note(reply, sealed)) {
        keys_.push_back(sealed->key);
        reply.yes = sealed->generation != 0;
      }
      return;
    }
    case CallKind::get_by_key:
      return read(reply, here.get(Address(before_->key), {}));
    case CallKind::get_stale:
      return read(reply, here.get(Address(before_->key, name_hash(store, name_)), {}));
    case CallKind::get_by_name:
      return read(reply, here.get(by_name, {}));
    case CallKind::wait:
      return read(reply, here.wait(by_name, nodes_.network().now() + wait_time));
    case CallKind::describe_by_key:
    case CallKind::describe_by_name: {
      const auto found = here.get_some(
          scene_.kind == CallKind::describe_by_name ? by_name : Address(before_->key), Facts(), {});
      reply.yes = note(reply, found) && found->key() == before_->key && found->facts().name == name_ &&
                  found->facts().size_bytes == scene_.size_bytes;
      return;
    }
    case CallKind::exists_by_key:
    case CallKind::exists_by_name: {
      const auto there =
          here.exists(scene_.kind == CallKind::exists_by_name ? by_name : Address(before_->key), {});
      reply.yes = note(reply, there) && *there;
      return;
    }
    case CallKind::evict_by_key:
    case CallKind::evict_by_name: {
      const auto gone =
          here.evict(scene_.kind == CallKind::evict_by_name ? by_name : Address(before_->key), {});
      reply.yes = note(reply, gone) && *gone;
      return;
    }
    case CallKind::list: {
      const auto names = here.list(store, "name", {});
      if (note(reply, names)) {
        reply.names = *names;
      }
      return;
    }
    case CallKind::drop: {
      const auto dropped = here.drop(store);
      reply.yes = note(reply, dropped) && *dropped == names_.size();
      return;
    }
    case CallKind::close:
      nodes_.close_now(requester);
      return;
  }
}

void CrossNodeCall::ask_third(Reply& reply) {
  Connector& there = nodes_.world().connector(third);
  if (scene_.kind == CallKind::close) {
    return read(reply, there.get(Address(before_->key), {}));
  }
  nodes_.world().rank(third).links->client()->pause(before_put);
  const auto sealed = tests::put(there, store, name_, bytes_of(new_value, scene_.size_bytes));
  if (note(reply, sealed)) {
    keys_.push_back(sealed->key);
    reply.yes = sealed->generation != 0;
  }
}

}  // namespace locum::tests
