#include "tests/shm/kill_scene.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <random>

#include "core/ports/directory.hpp"

namespace locum::tests {
namespace {

constexpr std::size_t most_names = 6;
// The initial number of buckets of a shard, and of a page of buckets: more names make it grow.
constexpr std::size_t small_crowd = 63;
constexpr std::size_t large_crowd = 1030;

// Names in the first of a directory's 64 shards.
const std::vector<std::string>& names_of_one_shard() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (int number = 0; found.size() < large_crowd + most_names; ++number) {
      std::string name = "n" + std::to_string(number);
      if (name_hash(Scene::store, name) >> 58U == 0) {
        found.push_back(std::move(name));
      }
    }
    return found;
  }();
  return names;
}

}  // namespace

Scene Scene::of(std::uint64_t seed, std::uint32_t least_ranks, std::uint32_t steps) {
  std::mt19937_64 random(seed);
  Scene scene;
  scene.seed = seed;
  scene.steps = steps;
  scene.ranks = least_ranks + static_cast<std::uint32_t>(random() % (most_ranks + 1 - least_ranks));
  const std::size_t names = 1 + random() % most_names;
  const std::size_t crowds[] = {0, 0, 0, 0, small_crowd, small_crowd, small_crowd, large_crowd};
  const std::size_t crowd = crowds[random() % std::size(crowds)];
  if (crowd != 0 || random() % 2 == 0) {
    const auto first = names_of_one_shard().begin();
    const auto crowd_end = first + static_cast<std::ptrdiff_t>(crowd);
    scene.crowd.assign(first, crowd_end);
    scene.names.assign(crowd_end, crowd_end + static_cast<std::ptrdiff_t>(names));
  } else {
    for (std::size_t name = 0; name < names; ++name) {
      scene.names.push_back("n" + std::to_string(name));
    }
  }
  scene.options.memory_bytes = 48_MiB;
  scene.options.reserve_bytes = 4_GiB;
  scene.options.step_bytes = 64_KiB << (random() % 3);
  scene.options.prepare_bytes = 64_KiB << (random() % 3);
  scene.options.timeout = std::chrono::seconds(25);
  scene.greedy = random() % 4 == 0;
  scene.spills = random() % 3 == 0;
  return scene;
}

std::string_view Scene::name(std::uint32_t number) const {
  if (number == unnamed) {
    return {};
  }
  return number < names.size() ? names[number] : crowd[number - names.size()];
}

std::uint32_t Scene::number_of(std::string_view name) const {
  if (name.empty()) {
    return unnamed;
  }
  auto found = std::ranges::find(names, name);
  if (found != names.end()) {
    return static_cast<std::uint32_t>(found - names.begin());
  }
  found = std::ranges::find(crowd, name);
  return static_cast<std::uint32_t>(names.size() + static_cast<std::size_t>(found - crowd.begin()));
}

}  // namespace locum::tests
