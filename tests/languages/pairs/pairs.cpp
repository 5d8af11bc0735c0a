// usage: pairs_cxx LANGUAGES    The program in C++ of README.md.
#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iostream>
#include <limits>
#include <locum/locum.hpp>
#include <locum/record.hpp>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <utility>

using namespace std::chrono_literals;

namespace {

enum Language { cxx, c, fortran, python, together };
constexpr std::array names{"C++", "C", "Fortran", "Python", "all"};
constexpr std::size_t most_rank = 7;
// In the order of their numbers, from 1.
using Types = std::tuple<std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t,
                         std::uint32_t, std::uint64_t, float, double, std::complex<float>,
                         std::complex<double>, bool, char, std::byte>;
constexpr std::size_t types = std::tuple_size_v<Types>;
constexpr std::size_t number_of_char = 14;
constexpr std::size_t number_of_bool = 13;

std::string languages;
int failures = 0;
std::uint64_t arrays = 0;
std::uint64_t elements = 0;

bool has(int language, std::size_t type) {
  if (language == fortran) {
    return type <= 4 || (type >= 9 && type <= number_of_bool);
  }
  return language != python || type <= number_of_bool;
}
bool stores(int language, std::size_t type, std::size_t rank) {
  return has(language, type) ||
         (rank == 1 && (type == number_of_char || (type > number_of_char && language == python)));
}

template <class T>
T element(int v) {
  if constexpr (std::is_same_v<T, bool>) {
    return v % 2 != 0;
  } else if constexpr (std::is_same_v<T, char>) {
    return static_cast<char>('a' + v % 26);
  } else if constexpr (std::is_same_v<T, std::byte>) {
    return static_cast<std::byte>(v * 2);
  } else if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(v - 50) * 0.75F;
  } else if constexpr (std::is_same_v<T, double>) {
    return (v - 50) * (1 + 0x1p-40);
  } else if constexpr (std::is_same_v<T, std::complex<float>>) {
    return {static_cast<float>(v - 50) * 0.75F, static_cast<float>(v) * 0.25F + 1};
  } else if constexpr (std::is_same_v<T, std::complex<double>>) {
    return {(v - 50) * 0.75, v * 0.25 + 1};
  } else {
    constexpr std::array<std::int64_t, 4> steps{1, 601, 42'000'007, 180'143'985'094'819'841};
    constexpr std::size_t at = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
    const std::int64_t first = std::is_signed_v<T> ? v - 50 : sizeof(T) == 1 ? v * 2 : v;
    return static_cast<T>(static_cast<std::uint64_t>(first) * static_cast<std::uint64_t>(steps[at]));
  }
}

std::uint64_t length_of(int language, std::size_t rank, std::size_t dimension) {
  constexpr std::array<std::uint64_t, 3> lengths{2, 3, 5};
  return lengths[(dimension + static_cast<std::size_t>(language) + rank) % 3];
}
locum::Extents extents_of(int language, std::size_t rank) {
  locum::Extents extents;
  extents.rank = static_cast<std::uint8_t>(rank);
  for (std::size_t k = 0; k < rank; ++k) {
    extents.values[k] = length_of(language, rank, k);
  }
  return extents;
}
std::uint64_t product(const locum::Extents& extents) {
  std::uint64_t count = 1;
  for (std::size_t k = 0; k < extents.size(); ++k) {
    count *= extents[k];
  }
  return count;
}

/// The first index, the distance of indices, and how many there are, in each dimension.
struct Box {
  locum::Extents start;
  locum::Extents stride;
  locum::Extents count;
};
Box whole(const locum::Extents& extents) {
  Box box{extents, extents, extents};
  for (std::size_t k = 0; k < extents.size(); ++k) {
    box.start.values[k] = 0;
    box.stride.values[k] = 1;
  }
  return box;
}
Box part(const locum::Extents& extents) {
  Box box{extents, extents, extents};
  for (std::size_t k = 0; k < extents.size(); ++k) {
    box.start.values[k] = k % 2 == 0 ? 1 : 0;
    box.stride.values[k] = 2 + k % 2;
    box.count.values[k] = k % 2 == 0 ? extents[k] / 2 : (extents[k] + 2) / 3;
  }
  return box;
}
locum::Hyperslab slab_of(const Box& box) {
  return {.start = box.start, .count = box.count, .stride = box.stride};
}

/// Elements of one array. std::vector<bool> would have none.
template <class T>
struct Memory {
  explicit Memory(std::uint64_t count_of_elements)
      : count(count_of_elements), first(std::make_unique<T[]>(count_of_elements)) {}
  [[nodiscard]] std::span<T> all() const { return {first.get(), count}; }
  std::uint64_t count;
  std::unique_ptr<T[]> first;
};

template <class T>
Memory<T> values(int language, std::size_t type, const Box& box) {
  constexpr std::array<std::uint64_t, most_rank> weights{3, 5, 7, 11, 19, 23, 29};
  const std::size_t rank = box.count.size();
  Memory<T> memory(product(box.count));
  for (std::uint64_t at = 0; at < memory.count; ++at) {
    std::uint64_t sum = 13 * static_cast<std::uint64_t>(language) + 7 * type + 17 * rank;
    std::uint64_t left = at;
    for (std::size_t k = rank; k-- > 0;) {
      sum += weights[k] * (box.start[k] + box.stride[k] * (left % box.count[k]));
      left /= box.count[k];
    }
    memory.first[at] = element<T>(static_cast<int>(sum % 101));
  }
  return memory;
}

template <class T>
void compare(const std::string& what, int language, std::size_t type, const Box& box,
             const locum::Extents& extents, std::span<const T> seen) {
  const Memory<T> expected = values<T>(language, type, box);
  ++arrays;
  elements += expected.count;
  const bool is_same = extents == box.count && seen.size() == expected.count;
  if (!is_same || !std::equal(seen.begin(), seen.end(), expected.first.get())) {
    if (++failures <= 5) {
      std::cout << "FAILED: C++ reads " << what << " of " << names[static_cast<std::size_t>(language)]
                << " otherwise: " << (is_same ? "elements" : "extents") << std::endl;
    }
  }
}

/// Calls `action.operator()<T>(number)` for each type.
template <class Action>
void for_each_type(Action action) {
  [&]<std::size_t... At>(std::index_sequence<At...>) {
    (action.template operator()<std::tuple_element_t<At, Types>>(At + 1), ...);
  }(std::make_index_sequence<types>());
}

std::string name_of(int language, std::size_t type, std::size_t rank) {
  return std::to_string(language) + "/" + std::to_string(type) + "/" + std::to_string(rank);
}

void write_objects(const locum::Store& store) {
  for_each_type([&]<class T>(std::size_t type) {
    store.put(name_of(cxx, type, 0), values<T>(cxx, type, {}).first[0]).value();
    for (std::size_t rank = 1; rank <= most_rank; ++rank) {
      const locum::Extents extents = extents_of(cxx, rank);
      const std::string name = name_of(cxx, type, rank);
      const Memory<T> memory = values<T>(cxx, type, whole(extents));
      store.put(name, locum::array(memory.first.get(), extents)).value();
      auto writer = store.create<T>(name + "/made", extents).value();
      std::ranges::copy(memory.all(), &writer[0]);
      writer.seal().value();
    }
  });
}

void read_objects(const locum::Store& store, int language) {
  for_each_type([&]<class T>(std::size_t type) {
    if (stores(language, type, 0)) {
      const auto view = store.get<T>(name_of(language, type, 0)).value();
      compare<T>("one element", language, type, {}, {}, std::span(&*view, 1));
    }
    for (std::size_t rank = 1; rank <= most_rank; ++rank) {
      if (!stores(language, type, rank)) {
        continue;
      }
      const locum::Extents extents = extents_of(language, rank);
      const std::string name = name_of(language, type, rank);
      const auto view = store.get<T[]>(name).value();
      compare<T>(name, language, type, whole(extents), view.extents(), {view.data(), view.size()});
      const Box box = part(extents);
      const auto some = store.get<T[]>(name, {.slab = slab_of(box)}).value();
      compare<T>("a box", language, type, box, some.extents(), {some.data(), some.size()});
      const Memory<T> into(product(box.count));
      store.read(name, locum::array(into.first.get(), box.count), {.slab = slab_of(box)}).value();
      compare<T>("a box into memory", language, type, box, box.count, into.all());
      if (has(language, type)) {
        const auto made = store.get<T[]>(name + "/made").value();
        compare<T>(name + "/made", language, type, whole(extents), made.extents(),
                   {made.data(), made.size()});
      }
    }
  });
}

/// Returns the extents of the global array, and one language's block of it.
std::pair<locum::Extents, Box> place(int language, std::size_t type, std::size_t rank) {
  constexpr std::array<std::uint64_t, 4> lengths{2, 3, 5, 2};
  const std::size_t cut = type % rank;
  locum::Extents extents = extents_of(together, rank);
  Box block = whole(extents);
  extents.values[cut] = 0;
  for (const char each : languages) {
    const int theirs = each - '0';
    if (!has(theirs, type)) {
      continue;
    }
    if (theirs == language) {
      block.start.values[cut] = extents[cut];
      block.count.values[cut] = lengths[static_cast<std::size_t>(theirs)];
    }
    extents.values[cut] += lengths[static_cast<std::size_t>(theirs)];
  }
  return {extents, block};
}

void write_step(locum::StepWriter& out, std::size_t rank) {
  locum::OutputStep step = out.begin().value();
  for_each_type([&]<class T>(std::size_t type) {
    const std::string number = std::to_string(type);
    const locum::Extents own = extents_of(cxx, rank);
    const auto [extents, box] = place(cxx, type, rank);
    const Memory<T> mine = values<T>(cxx, type, whole(own));
    const Memory<T> block = values<T>(together, type, box);
    const locum::GlobalBlock where{.shape = extents, .start = box.start, .count = box.count};
    if (type % 2 == 0) {
      step.put("own/" + number, locum::array(mine.first.get(), own)).value();
      step.put("all/" + number, block.all(), where).value();
    } else {
      std::ranges::copy(mine.all(), step.create<T>("own/" + number, {.count = own}).value().begin());
      std::ranges::copy(block.all(), step.create<T>("all/" + number, where).value().begin());
    }
  });
  step.end().value();
}

void read_step(locum::StepReader& in, std::size_t rank) {
  const locum::InputStep step = in.next(60s).value();
  for_each_type([&]<class T>(std::size_t type) {
    const std::string number = std::to_string(type);
    for (std::size_t at = 0; at < languages.size(); ++at) {
      const int theirs = languages[at] - '0';
      if (has(theirs, type)) {
        const auto view = step.get<T[]>("own/" + number, {.writer = static_cast<int>(at)}).value();
        compare<T>("own", theirs, type, whole(extents_of(theirs, rank)), view.extents(),
                   {view.data(), view.size()});
      }
    }
    const locum::Extents extents = place(cxx, type, rank).first;
    for (const Box& box : {whole(extents), part(extents)}) {
      const auto view = step.read<T>("all/" + number, slab_of(box)).value();
      compare<T>("a box of a step", together, type, box, view.extents(), {view.data(), view.size()});
      const Memory<T> into(product(box.count));
      (void)step.read("all/" + number, locum::array(into.first.get(), box.count), slab_of(box)).value();
      compare<T>("a box of a step into memory", together, type, box, box.count, into.all());
    }
  });
  MPI_Barrier(MPI_COMM_WORLD);  // a reader that joins later would not find the step any more
}

locum::Record record_of(int language) {
  locum::Record record = {
      {"name", "\u6E29"},
      {"flags", {true, nullptr}},
      {"integers", {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::uint64_t>::max()}},
      {"numbers", {0.5, std::complex<double>(1, -2)}},
      {"bytes", locum::Record::Bytes{std::byte{0}, std::byte{255}}},
      {"nested", {{"", locum::Record::list({})}}}};
  for_each_type([&]<class T>(std::size_t type) {
    if (type < number_of_char) {
      const locum::Extents extents = extents_of(language, 2);
      const Memory<T> memory = values<T>(language, type, whole(extents));
      record.set("type " + std::to_string(type), locum::array(memory.first.get(), extents));
    }
  });
  return record;
}

void read_record(const locum::Store& store, int language) {
  const locum::Record record = store.get("record/" + std::to_string(language)).value();
  if (record != record_of(language)) {
    ++failures;
    std::cout << "FAILED: C++: the Record of " << names[static_cast<std::size_t>(language)] << " is "
              << record << std::endl;
  }
}

void run() {
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U});
  const locum::Store store = runtime.store("pairs");
  write_objects(store);
  store.put("record/" + std::to_string(cxx), record_of(cxx)).value();
  MPI_Barrier(MPI_COMM_WORLD);
  for (const char each : languages) {
    const std::uint64_t before = arrays;
    read_objects(store, each - '0');
    if (each - '0' == cxx || each - '0' == python) {
      read_record(store, each - '0');
    }
    std::cout << "C++ read " << arrays - before << " arrays of "
              << names[static_cast<std::size_t>(each - '0')] << std::endl;
    failures += arrays - before < 100 ? 1 : 0;
  }
  locum::StepWriter out(runtime, "pairs", MPI_COMM_WORLD);
  locum::StepReader in(runtime, "pairs", MPI_COMM_SELF);
  for (std::size_t rank = 1; rank <= most_rank; ++rank) {
    write_step(out, rank);
    read_step(in, rank);
  }
  { const locum::StepReader leaves = std::move(in); }
  out.close().value();
  std::cout << "C++ compared " << elements << " elements of " << arrays << " arrays; " << failures
            << " are wrong" << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  if (argc != 2) {
    return 2;
  }
  languages = argv[1];
  try {
    run();
  } catch (const std::exception& error) {
    std::cout << "FAILED: C++: " << error.what() << std::endl;
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
