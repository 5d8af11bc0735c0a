// The calls that are made while there is no memory.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/async/eventual.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/no_memory_scene.hpp"

namespace locum::tests::no_memory {
namespace {

Errc put_at(Scene& scene, const std::string& name, std::size_t size, const SealOptions& options,
            int rank = 0) {
  const auto bytes = [&] {
    const SpareAllocations spare;
    return pattern(2, size);
  }();
  return code_of(put(scene.connector(rank), store, name, bytes, options));
}

Errc get_by_handle(Scene& scene, int rank = 0) {
  return Scene::judged(scene.connector(rank).get(Address(scene.key(1), 0, large), {}));
}

// What has come by itself, or why it has not.
Result<ObjectView> come(Begun begun) {
  if (!begun.found || *begun.found) {
    return std::move(begun.found);
  }
  if (!begun.coming) {
    const SpareAllocations spare;
    return Error(Errc::out_of_memory, "there was no memory to begin it");
  }
  return begun.coming->get({});
}

Errc get_ahead(Scene& scene) {
  Begun first = scene.connector().begin(Address(scene.key(1), 0, large), CountsUntil::it_is_used);
  Begun second = scene.connector().begin(Address(scene.key(0), 0, small), CountsUntil::it_is_used);
  scene.drive(20ms);
  const Errc codes[] = {Scene::judged(come(std::move(first))), Scene::judged(come(std::move(second)))};
  return codes[0] == Errc{} ? codes[1] : codes[0];
}

// Whatever waits for its turn comes in the end, or says why it does not.
Errc prefetch_all(Scene& scene) {
  constexpr int most_looks = 1000;
  Errc first{};
  std::vector<Begun> begun;
  {
    const SpareAllocations spare;
    begun.reserve(3);
  }
  for (const Key& key : {scene.key(0), scene.key(1), scene.array()}) {
    begun.push_back(scene.connector().begin(Address(key, 0, large), CountsUntil::it_is_used));
  }
  for (Begun& one : begun) {
    for (int looks = 0; one.coming && !one.coming->ended(); ++looks) {
      if (looks == most_looks) {
        return Errc::timeout;
      }
      scene.let_pass(1ms);
    }
    if (!one.found || !one.coming) {
      first = first != Errc{} || one.found ? first : code_of(one.found);
      continue;
    }
    const auto found = one.coming->get(Deadline::Clock::time_point::min());
    first = first != Errc{} ? first : code_of(found);
  }
  return first;
}

void add_acts(std::vector<Act>& acts, std::size_t which) {
  const std::string size = which == 0 ? "small" : "large";
  const std::size_t bytes = which == 0 ? small : large;
  acts.push_back({"get by key, " + size,
                  [=](Scene& s) { return Scene::judged(s.connector().get(Address(s.key(which)), {})); }});
  acts.push_back({"get by name, " + size, [=](Scene& s) {
                    return Scene::judged(s.connector().get(Address(store, s.name(which)), {}));
                  }});
  acts.push_back({"wait, " + size, [=](Scene& s) {
                    return Scene::judged(s.connector().wait(Address(store, s.name(which)), {}, {}));
                  }});
  acts.push_back({"exists by key, " + size,
                  [=](Scene& s) { return code_of(s.connector().exists(Address(s.key(which)), {})); }});
  acts.push_back({"exists by name, " + size, [=](Scene& s) {
                    return code_of(s.connector().exists(Address(store, s.name(which)), {}));
                  }});
  for (const bool copied : {false, true}) {
    const std::string state = size + (copied ? ", copied" : "");
    for (const int home : {0, 1, 2}) {
      const std::string of_home = state + (home == 2 ? "" : ", at home on node " + std::to_string(home));
      acts.push_back({.name = "replace, " + of_home,
                      .call =
                          [=](Scene& s) {
                            return put_at(s, s.name(which), bytes, {SealMode::replace, 0});
                          },
                      .copied = copied,
                      .takes_names = true,
                      .home = home});
      acts.push_back(
          {.name = "evict by name, " + of_home,
           .call = [=](Scene& s) { return code_of(s.connector().evict(Address(store, s.name(which)), {})); },
           .copied = copied,
           .changes = true,
           .takes_names = true,
           .home = home});
    }
    acts.push_back({.name = "evict by key, " + state,
                    .call = [=](Scene& s) { return code_of(s.connector().evict(Address(s.key(which)), {})); },
                    .copied = copied,
                    .changes = true});
  }
  acts.push_back({.name = "put, " + size,
                  .call =
                      [=](Scene& s) {
                        const Errc code = put_at(s, s.fresh_name(1), bytes, {});
                        return code == Errc::key_exists ? Errc{} : code;
                      },
                  .changes = true});
}

// Small ones and a large one. The caller's own memory is there.
Errc get_batch(Scene& s) {
  std::vector<Address> addresses;
  std::vector<Result<ObjectView>> found;
  {
    const SpareAllocations spare;
    addresses = {Address(s.key(0)), Address(s.key(1)), Address(s.key(0)), Address(s.array())};
    found.assign(addresses.size(), no_memory_left());
  }
  s.connector().find_batch(addresses, Wanting::all, found, {});
  Errc code{};
  for (const auto& one : found) {
    code = code == Errc{} ? code_of(one) : code;
  }
  return code;
}

template <class T>
Errc first_of(const std::vector<Result<T>>& all) {
  Errc code{};
  for (const auto& one : all) {
    code = code == Errc{} ? code_of(one) : code;
  }
  return code;
}

Errc get_batch_by_name(Scene& s) {
  std::vector<Address> addresses;
  std::vector<Result<ObjectView>> found;
  {
    const SpareAllocations spare;
    addresses = {Address(store, s.name(0)), Address(store, s.name(1))};
    found.assign(addresses.size(), no_memory_left());
  }
  s.connector().find_batch(addresses, Wanting::all, found, {});
  return first_of(found);
}

Errc evict_batch(Scene& s, bool by_name) {
  std::vector<Address> addresses;
  std::vector<Result<bool>> gone;
  {
    const SpareAllocations spare;
    for (const std::size_t which : {0U, 1U}) {
      addresses.push_back(by_name ? Address(store, s.name(which)) : Address(s.key(which)));
    }
    gone.assign(addresses.size(), no_memory_left());
  }
  s.connector().evict_batch(addresses, gone, {});
  return first_of(gone);
}

// Of this node's own home and of two others'; names that are there already were bound before.
Errc put_batch(Scene& s, std::size_t bytes) {
  std::vector<ObjectDraft> drafts;
  std::vector<Result<Sealed>> sealed;
  for (const int home : {0, 1, 2}) {
    const auto draft = s.connector().create(bytes, plain_meta(store, s.fresh_name(home)), {});
    const SpareAllocations spare;
    if (!draft) {
      for (const ObjectDraft& made : drafts) {
        s.connector().discard(made);
      }
      return draft.error().code();
    }
    std::ranges::copy(pattern(2, bytes), draft->bytes.begin());
    drafts.push_back(*draft);
    sealed.assign(drafts.size(), no_memory_left());
  }
  s.connector().seal_batch(drafts, sealed, {});
  const SpareAllocations spare;
  std::erase_if(sealed, [](const auto& one) { return code_of(one) == Errc::key_exists; });
  return first_of(sealed);
}

}  // namespace

std::vector<Act> all_acts() {
  std::vector<Act> acts;
  add_acts(acts, 0);
  add_acts(acts, 1);
  for (const bool one_sided : {false, true}) {
    const std::string how = one_sided ? ", one-sided" : "";
    acts.push_back({.name = "get from a handle" + how,
                    .call = [](Scene& s) { return get_by_handle(s); },
                    .one_sided = one_sided});
    acts.push_back({.name = "two gets at a time" + how,
                    .call = [](Scene& s) { return get_by_handle(s); },
                    .one_sided = one_sided,
                    .of_mate = [](Scene& s) { return get_by_handle(s, 1); }});
    acts.push_back({.name = "gets that come by themselves" + how, .call = get_ahead, .one_sided = one_sided});
    acts.push_back({.name = "gets that come by themselves, and one of a mate" + how,
                    .call = get_ahead,
                    .one_sided = one_sided,
                    .of_mate = [](Scene& s) { return get_by_handle(s, 1); }});
  }
  acts.push_back({.name = "wait for what is put meanwhile",
                  .call =
                      [](Scene& s) {
                        const Errc code = code_of(s.connector().wait(Address(store, s.awaited()), {}, {}));
                        // Or nobody has put it.
                        return code == Errc::timeout && s.code_of_mate != Errc{} ? Errc::out_of_memory : code;
                      },
                  .changes = true,
                  .of_mate =
                      [](Scene& s) {
                        s.pause(5, 10ms);
                        return put_at(s, s.awaited(), small, {}, 5);
                      }});
  acts.push_back({.name = "prefetches in turn",
                  .call = [](Scene& s) { return prefetch_all(s); },
                  .window_bytes = large});
  acts.push_back({"batch", get_batch});
  acts.push_back({"batch by name", get_batch_by_name});
  for (const bool copied : {false, true}) {
    for (const bool by_name : {false, true}) {
      acts.push_back(
          {.name = std::string("evict batch") + (by_name ? " by name" : "") + (copied ? ", copied" : ""),
           .call = [=](Scene& s) { return evict_batch(s, by_name); },
           .copied = copied,
           .changes = true,
           .takes_names = by_name});
    }
  }
  for (const std::size_t bytes : {small, large}) {
    acts.push_back({.name = "put batch of " + std::to_string(bytes),
                    .call = [=](Scene& s) { return put_batch(s, bytes); },
                    .changes = true,
                    .may_stay = true});
  }
  acts.push_back({"part", [](Scene& s) {
                    return code_of(s.connector().get_some(Address(s.key(1)), ByteRange{10, 1000}, {}));
                  }});
  acts.push_back({"describe by key",
                  [](Scene& s) { return code_of(s.connector().get_some(Address(s.key(1)), Facts(), {})); }});
  acts.push_back({"describe by name", [](Scene& s) {
                    return code_of(s.connector().get_some(Address(store, s.name(1)), Facts(), {}));
                  }});
  acts.push_back(
      {"hyperslab", [](Scene& s) {
         return code_of(s.connector().get_some(
             Address(s.array()), Elements{{.start = {1, 2}, .count = {9, 4}, .stride = {2, 1}}, 2}, {}));
       }});
  acts.push_back({"list", [](Scene& s) { return code_of(s.connector().list(store, "name", {})); }});
  return acts;
}

}  // namespace locum::tests::no_memory
