#include "transport/storage/multi/backend.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "core/backend/record_names.hpp"
#include "core/base/batch_places.hpp"
#include "transport/storage/expectation.hpp"
#include "transport/storage/multi/traits.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/wrappers/two_backends.hpp"

namespace locum::storage {

namespace {

bool matches(std::string_view pattern, std::string_view text) noexcept {
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t tried = 0;  // where what the last * takes ends
  std::size_t in = 0;
  while (at < text.size()) {
    if (in < pattern.size() && pattern[in] == '*') {
      star = in++;
      tried = at;
    } else if (in < pattern.size() && (pattern[in] == '?' || pattern[in] == text[at])) {
      ++in;
      ++at;
    } else if (star != std::string_view::npos) {
      in = star + 1;
      at = ++tried;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', in) == std::string_view::npos;
}

std::string this_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

bool depends_on_name_alone(const Route& route) noexcept {
  return route.hosts == "*" && route.tags == "*" && route.least_bytes == 0 &&
         route.most_bytes == std::numeric_limits<std::uint64_t>::max();
}

BackendTraits traits_of_all(const std::vector<Route>& routes) {
  BackendTraits all = routes.front().to->traits();
  const bool is_one = std::ranges::all_of(routes, depends_on_name_alone);  // a name is in one backend
  all.scheme = backends::multi.scheme;
  all.is_atomic = is_one;
  all.pushes = is_one;
  for (const Route& route : routes) {
    const BackendTraits& one = route.to->traits();
    all = names_of_both(all, one);
    all.largest_record = std::max(all.largest_record, one.largest_record);
    all.lists = all.lists && one.lists;
    all.is_atomic = all.is_atomic && one.is_atomic;
    all.expires = all.expires && one.expires;
    all.pushes = all.pushes && one.pushes;
    all.loads_ends = all.loads_ends && one.loads_ends;
    all.in_place = all.in_place && one.in_place;
    all.is_durable = all.is_durable && one.is_durable;
    all.default_name = all.default_name.empty() ? one.default_name : all.default_name;
    all.shared_by = std::min(all.shared_by, one.shared_by);
  }
  return all;
}

/// Whether a batch can be divided among the backends: each name is in one of them, and all have batches.
bool have_batches(const std::vector<Route>& routes) {
  return std::ranges::all_of(routes, [](const Route& route) {
    return depends_on_name_alone(route) && route.to->batches() != nullptr;
  });
}

class Multi final : public Backend, public RecordBatches {
 public:
  explicit Multi(std::vector<Route> routes)
      : routes_(std::move(routes)),
        traits_(traits_of_all(routes_)),
        has_batches_(have_batches(routes_)),
        host_(this_host()) {}

  const BackendTraits& traits() const noexcept override { return traits_; }

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    for (const Route* const route : and_the_earlier_again(may_have(key))) {
      auto loaded = route->to->load(key, last_bytes, deadline);
      if (loaded || loaded.error().code() != Errc::not_found) {
        return loaded;
      }
    }
    return no_such_object();
  }

  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    const auto candidates = may_have(key);
    const auto taker = std::ranges::find_if(candidates, [&](const Route* route) {
      return is_system(key) ||
             (record.bytes.size() >= route->least_bytes && record.bytes.size() <= route->most_bytes &&
              matches(route->hosts, host_) && matches(route->tags, record.tag));
    });
    if (taker == candidates.end()) {
      return not_taken(key, record);
    }
    Backend& to = *(*taker)->to;
    if (candidates.size() == 1) {
      return to.store(key, record, deadline);
    }
    const auto there = found_in(key, candidates, deadline);
    if (!there) {
      return there.error();
    }
    NewRecord made = record;
    const std::uint64_t* const revision = there->empty() ? nullptr : &there->front().revision;
    if (auto may = may_store(record, revision); !may) {
      return may;
    }
    if (record.expect == Expect::revision) {
      made.expect = there->front().in == &to ? Expect::revision : Expect::anything;
    }
    if (auto stored = to.store(key, made, deadline); !stored) {
      return stored;
    }
    for (const Found& older : *there) {
      const auto removed =
          older.in == &to ? Result<bool>(true) : older.in->remove(key, older.revision, deadline);
      if (!removed) {
        return Error(Errc::system,
                     "multi: the record was stored, and the one that it replaces could not be removed from "
                     "the backend of another route; store it again when that can be reached",
                     removed.error().text())
            .about(key.name);
      }
    }
    return {};
  }

  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    const auto places = may_have(key);
    bool any = false;
    std::size_t looks = 0;
    for (const Route* const route : and_the_earlier_again(places)) {
      if (looks++ >= places.size() && any) {
        break;
      }
      auto removed = route->to->remove(key, revision, deadline);
      if (!removed) {
        return removed;
      }
      any = any || *removed;
    }
    return any;
  }

  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    if (!traits_.lists) {
      return Backend::list(space, prefix, deadline);
    }
    const bool moves = !std::ranges::all_of(routes_, depends_on_name_alone);
    std::vector<std::string> all;
    for (Backend* const backend : moves ? and_the_earlier_again(of_space(space)) : of_space(space)) {
      auto some = backend->list(space, prefix, deadline);
      if (!some) {
        return some;
      }
      all.insert(all.end(), some->begin(), some->end());
    }
    std::ranges::sort(all);
    const auto repeated = std::ranges::unique(all);
    all.erase(repeated.begin(), repeated.end());
    return all;
  }

  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override {
    std::uint64_t dropped = 0;
    for (Backend* const backend : of_space(space)) {
      auto some = backend->drop(space, deadline);
      if (!some) {
        return some;
      }
      dropped += *some;
    }
    return dropped;
  }

  void await(const RecordKey& key, Deadline until) override {
    if (const auto candidates = may_have(key); traits_.pushes && !candidates.empty()) {
      candidates.front()->to->await(key, until);
    }
  }

  RecordBatches* batches() noexcept override { return has_batches_ ? this : nullptr; }
  void load(std::span<const RecordKey> keys, std::uint64_t last_bytes, std::span<Result<LoadedRecord>> loaded,
            Deadline deadline) override {
    for (const Part& part : parts_of(keys, [&](std::size_t at) { loaded[at] = no_such_object(); })) {
      std::vector<Result<LoadedRecord>> some(part.keys.size(), Result<LoadedRecord>(no_such_object()));
      part.in->load(part.keys, last_bytes, some, deadline);
      put_back(std::move(some), part.places, loaded);
    }
  }
  void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
             std::span<Result<void>> stored, Deadline deadline) override {
    for (const Part& part :
         parts_of(keys, [&](std::size_t at) { stored[at] = not_taken(keys[at], records[at]); })) {
      std::vector<Result<void>> some(part.keys.size());
      part.in->store(part.keys, picked(records, part.places), some, deadline);
      put_back(std::move(some), part.places, stored);
    }
  }
  void remove(std::span<const RecordKey> keys, std::span<Result<bool>> removed, Deadline deadline) override {
    for (const Part& part : parts_of(keys, [&](std::size_t at) { removed[at] = false; })) {
      std::vector<Result<bool>> some(part.keys.size(), Result<bool>(false));
      part.in->remove(part.keys, some, deadline);
      put_back(std::move(some), part.places, removed);
    }
  }

 private:
  /// What one backend has of a batch.
  struct Part {
    RecordBatches* in;
    std::vector<RecordKey> keys{};
    std::vector<std::size_t> places{};  ///< of the keys in the batch
  };

  /// `none(place)` of those that no route takes. REQUIRES: batches().
  template <class None>
  [[nodiscard]] std::vector<Part> parts_of(std::span<const RecordKey> keys, const None& none) const {
    std::vector<Part> parts;
    for (std::size_t at = 0; at < keys.size(); ++at) {
      const auto taker = may_have(keys[at]);
      if (taker.empty()) {
        none(at);
        continue;
      }
      RecordBatches* const in = taker.front()->to->batches();
      auto part = std::ranges::find(parts, in, &Part::in);
      if (part == parts.end()) {
        part = parts.insert(part, Part{in});
      }
      part->keys.push_back(keys[at]);
      part->places.push_back(at);
    }
    return parts;
  }
  [[nodiscard]] static Error not_taken(const RecordKey& key, const NewRecord& record) {
    return Error(Errc::invalid_argument,
                 "multi: no route takes a record of " + std::to_string(record.bytes.size()) + " bytes" +
                     (record.tag.empty() ? "" : " and the tag '" + std::string(record.tag) + "'") +
                     " under this name; add one without conditions at the end")
        .about(key.name);
  }

  /// Where there is a record of a name.
  struct Found {
    Backend* in;
    std::uint64_t revision;
  };

  /// A record whose size or tag changes is stored in its new backend before it is removed from the other one.
  /// Who looks in order misses one that moves to an earlier route meanwhile, which is there when the last one
  /// was seen.
  template <class Place>
  static std::vector<Place> and_the_earlier_again(std::vector<Place> places) {
    const std::size_t earlier = places.empty() ? 0 : places.size() - 1;
    places.reserve(places.size() + earlier);
    places.insert(places.end(), places.begin(), places.begin() + static_cast<std::ptrdiff_t>(earlier));
    return places;
  }
  static bool is_system(const RecordKey& key) noexcept { return key.space.starts_with('@'); }
  static std::string plain(std::string_view record) {
    return RecordNames::name_in(record).value_or(std::string(record));
  }

  /// Those whose backends may have a record of that name, in order: up to the first that takes all of them.
  [[nodiscard]] std::vector<const Route*> may_have(const RecordKey& key) const {
    if (is_system(key)) {
      return {&routes_.back()};
    }
    std::vector<const Route*> all;
    const std::string space = plain(key.space);
    const std::string name = plain(key.name);
    for (const Route& route : routes_) {
      if (matches(route.spaces, space) && matches(route.names, name)) {
        all.push_back(&route);
        if (depends_on_name_alone(route)) {
          break;
        }
      }
    }
    return all;
  }
  [[nodiscard]] std::vector<Backend*> of_space(std::string_view space) const {
    if (space.starts_with('@')) {
      return {routes_.back().to.get()};
    }
    std::vector<Backend*> all;
    for (const Route& route : routes_) {
      if (matches(route.spaces, plain(space)) && std::ranges::find(all, route.to.get()) == all.end()) {
        all.push_back(route.to.get());
      }
    }
    return all;
  }
  /// In the order of load(). Two URLs may lead to one place: what is replaced is removed by its revision.
  [[nodiscard]] static Result<std::vector<Found>> found_in(const RecordKey& key,
                                                           const std::vector<const Route*>& candidates,
                                                           Deadline deadline) {
    std::vector<Found> all;
    for (const Route* const route : candidates) {
      const auto found = route->to->load(key, 0, deadline);
      if (found) {
        all.push_back({route->to.get(), found->revision});
      } else if (found.error().code() != Errc::not_found) {
        return found.error();
      }
    }
    return all;
  }

  const std::vector<Route> routes_;
  const BackendTraits traits_;
  const bool has_batches_;
  const std::string host_;
};

}  // namespace

Result<std::shared_ptr<Backend>> routed(std::vector<Route> routes) {
  const bool is_right = !routes.empty() && std::ranges::all_of(routes, [](const Route& route) {
    return route.to != nullptr && route.least_bytes <= route.most_bytes;
  });
  return is_right ? Result<std::shared_ptr<Backend>>(std::make_shared<Multi>(std::move(routes)))
                  : Error(Errc::invalid_argument,
                          "multi: needs routes, each with a backend, and least_bytes not above most_bytes");
}

Result<std::shared_ptr<Backend>> open_multi(const Url& url) {
  std::vector<Route> routes;
  std::vector<std::string> known;
  for (int number = 1;; ++number) {
    const std::string before = std::to_string(number) + '.';
    const std::string_view to = url.option(before + "to");
    if (to.empty()) {
      break;
    }
    const auto text = [&](const char* name) {
      const std::string_view given = url.option(before + name);
      return std::string(given.empty() ? "*" : given);
    };
    const auto least = url.number(before + "least_bytes", 0);
    const auto most = url.number(before + "most_bytes", std::numeric_limits<std::uint64_t>::max());
    auto backend = open_backend(to);
    if (!least || !most || !backend) {
      return !least ? least.error() : !most ? most.error() : backend.error();
    }
    routes.push_back(
        {std::move(*backend), text("stores"), text("names"), text("hosts"), text("tags"), *least, *most});
    for (const char* name : {"to", "stores", "names", "hosts", "tags", "least_bytes", "most_bytes"}) {
      known.push_back(before + name);
    }
  }
  if (routes.empty()) {
    return Error(Errc::invalid_argument,
                 "multi: needs routes: ?1.to=URL&1.most_bytes=65536&2.to=URL, with % and two digits for each "
                 "?, & and % of those URLs");
  }
  if (auto all_known = url.knows_only({known.begin(), known.end()}); !all_known) {
    return all_known.error();
  }
  return routed(std::move(routes));
}

}  // namespace locum::storage
