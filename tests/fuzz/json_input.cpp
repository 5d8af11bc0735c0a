#include "tests/fuzz/json_input.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend_session.hpp"
#include "core/record.hpp"
#include "core/serializers.hpp"
#include "core/store.hpp"
#include "core/value/error.hpp"
#include "core/value/extents.hpp"
#include "tests/fuzz/input.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

constexpr std::size_t most_json_objects = 16;

/// A folder in that for temporary ones.
class JsonScratch {
 public:
  JsonScratch() : path_((std::filesystem::temp_directory_path() / "locum_json_XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) {
      std::perror("the folder of a test cannot be made");
      std::abort();
    }
  }
  JsonScratch(const JsonScratch&) = delete;
  JsonScratch& operator=(const JsonScratch&) = delete;
  ~JsonScratch() { std::filesystem::remove_all(path_); }

  /// Empties the folder, and writes one file.
  void hold(const std::string& name, std::span<const std::byte> bytes) const {
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      std::filesystem::remove_all(entry.path());
    }
    const std::filesystem::path file = std::filesystem::path(path_) / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    demand(bool(out.flush()), "the file of a test cannot be written");
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

/// What is seen of an object.
struct JsonSeen {
  std::string type;
  std::vector<std::byte> bytes;
  Extents extents;
  std::uint64_t generation = 0;

  bool operator==(const JsonSeen&) const = default;
};

template <class T>
void look_at_json(const Result<View<T>>& view) {
  if (view) {
    all_sums = all_sums + sum_of(std::as_bytes(std::span(view->data(), view->size())));
  }
}

/// Returns what an object is, or why it cannot be read.
Result<JsonSeen> look_at_json_object(const Store& store, const std::string& name, JsonOutcome& outcome) {
  const auto info = store.info(name);
  const auto bytes = store.get_bytes(name);
  look_at_json(store.get<double[]>(name));
  look_at_json(store.get<double[]>(name, {.slab = {.start = {0, 1}, .count = {2, 1}}}));
  (void)store.get<std::string>(name);
  if (const auto record = store.get(name)) {
    (void)(*record == *record);
  }
  if (!info || !bytes) {
    ++outcome.errors;
    return info ? bytes.error() : info.error();
  }
  ++outcome.read;
  demand(info->size_bytes == bytes->size(), "an object has another size than its metadata tell");
  return JsonSeen{
      info->type, {bytes->data(), bytes->data() + bytes->size()}, info->extents, info->generation};
}

/// Whether a call had no time: on a busy machine that says nothing of the file.
template <class T>
bool is_late(const Result<T>& result) {
  return !result && result.error().code() == Errc::timeout;
}

using JsonObjects = std::vector<std::pair<std::string, JsonSeen>>;

JsonObjects look_at_json_objects(const Store& store, JsonOutcome& outcome) {
  JsonObjects seen;
  const auto names = store.keys();
  outcome.errors += names ? 0 : 1;
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    if (seen.size() == most_json_objects) {
      break;
    }
    if (auto object = look_at_json_object(store, name, outcome)) {
      seen.emplace_back(name, *std::move(object));
    }
  }
  return seen;
}

void demand_kept(const Store& store, const JsonObjects& objects, std::string_view but, JsonOutcome& outcome) {
  for (const auto& [name, object] : objects) {
    if (name != but) {
      const auto now = look_at_json_object(store, name, outcome);
      demand(now || is_late(now), "an object is gone after another one was stored");
      demand(!now || *now == object, "an object is another one after another one was stored");
      outcome.kept += now ? 1 : 0;
    }
  }
}

void use_json(const std::string& url, const BackendSessionOptions& options, JsonOutcome& outcome) {
  JsonObjects objects;
  {
    const auto session = open_session(url, options);
    const auto store = session ? session->open("s") : Result<Store>(session.error());
    if (!store) {
      ++outcome.errors;
      return;
    }
    objects = look_at_json_objects(*store, outcome);
    const std::string stored = "stored_by_the_test";
    const auto put = store->replace(stored, std::vector<double>{1, 2.5});
    if (!put) {
      ++outcome.errors;
      return;
    }
    demand_kept(*store, objects, stored, outcome);
    const auto found = store->get<double[]>(stored);
    demand(found || is_late(found), "what was stored is gone");
    demand(!found || (found->size() == 2 && (*found)[1] == 2.5), "what was stored is another value");
    if (!objects.empty()) {
      const std::string changed = objects.front().first;
      if (store->replace(changed, 42)) {
        const auto number = store->get<int>(changed);
        demand(number ? **number == 42 : is_late(number), "what was replaced is another value");
        demand_kept(*store, objects, changed, outcome);
      }
      (void)store->evict(changed);
      objects.erase(objects.begin());
    }
  }
  const auto again = open_session(url, options);
  const auto store = again ? again->open("s") : Result<Store>(again.error());
  demand(store || is_late(store), "what was stored cannot be opened again");
  if (!store) {
    return;
  }
  demand_kept(*store, objects, {}, outcome);
  (void)store->clear();
}

}  // namespace

JsonOutcome read_json_input(std::span<const std::byte> bytes, std::chrono::milliseconds timeout) {
  static const JsonScratch scratch;
  JsonOutcome outcome;
  const bool is_file = bytes.empty() || std::to_integer<unsigned>(bytes.front()) % 2 == 0;
  scratch.hold(is_file ? "s.json" : "tree/s/n.json", bytes.subspan(std::min<std::size_t>(bytes.size(), 1)));
  use_json("json://" + scratch.path() + (is_file ? "/s.json" : "/tree") + "?sync=0", {.timeout = timeout},
           outcome);
  return outcome;
}

}  // namespace locum::tests
