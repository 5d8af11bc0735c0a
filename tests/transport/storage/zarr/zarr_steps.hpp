#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/detail/session_state.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "tests/core/steps_fixture.hpp"
#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/zarr/python_with_zarr.hpp"
#include "transport/storage/step_files_by_ending.hpp"
#include "transport/storage/zarr/zarr_group.hpp"

namespace locum::tests {

inline constexpr std::uint64_t ny = 24;
inline constexpr std::uint64_t nx = 10;

inline double value_of(std::uint64_t step, std::uint64_t y, std::uint64_t x) {
  return static_cast<double>(step * 1'000'000 + y * nx + x);
}

/// All elements of an array, row-major.
template <class T>
std::vector<T> elements_in(const ZarrArray& array) {
  const Array values = array.read().value();
  std::vector<T> elements(values.size());
  if (values.element() == ElementType::of<T>()) {
    std::memcpy(elements.data(), values.bytes().data(), elements.size() * sizeof(T));
  }
  return elements;
}

/// Streams of steps in the group run.zarr of a folder, on one node, whose ranks are threads.
class ZarrSteps : public Steps {
 protected:
  ZarrSteps() {
    node.session->state()->files().use(std::make_shared<storage::PartReaderByEnding>(nullptr),
                                       std::make_shared<storage::StepFilesByEnding>(nullptr), 1);
  }

  [[nodiscard]] std::string path(const std::string& name = "run.zarr") const {
    return folder.path() + '/' + name;
  }
  /// A rank of a writer of `count` ranks. `number`: of their side.
  [[nodiscard]] StepWriter writer(std::size_t index, std::size_t count, std::uint64_t number = 1000) {
    return {side(index, count, number), "s", {.file = path()}};
  }
  /// Rows from `from` to `to` of the array T.
  static void put_rows(OutputStep& step, std::uint64_t number, std::uint64_t from, std::uint64_t to) {
    const auto block =
        step.create<double>("T", {.shape = {ny, nx}, .start = {from, 0ULL}, .count = {to - from, nx}})
            .value();
    for (std::uint64_t y = from; y < to; ++y) {
      for (std::uint64_t x = 0; x < nx; ++x) {
        block[(y - from) * nx + x] = value_of(number, y, x);
      }
    }
  }
  /// Begins a step, which `fill` fills. Returns what ends it.
  template <class Fill>
  static Result<void> write(StepWriter& out, Fill fill) {
    auto step = out.begin({.deadline = std::chrono::seconds(20)}).value();
    fill(step);
    const auto ended = step.end({.deadline = std::chrono::seconds(20)});
    return ended ? Result<void>() : Result<void>(ended.error());
  }
  /// The same of a step that is refused: the next begin() says so once more.
  template <class Fill>
  static Result<void> try_to_write(StepWriter& out, Fill fill) {
    auto ended = write(out, std::move(fill));
    EXPECT_TRUE(ended || !out.begin({.deadline = std::chrono::seconds(20)}));
    return ended;
  }
  [[nodiscard]] StepReader reader() { return {side(), "any", {.file = path()}}; }
  [[nodiscard]] ZarrGroup group(bool consolidated = true) const {
    return ZarrGroup::open(Files("file:" + folder.path()), "run.zarr", {.consolidated = consolidated})
        .value();
  }
  static void expect_rows(const InputStep& step, std::uint64_t number) {
    ASSERT_EQ(step.shape("T").value(), Extents(ny, nx));
    const auto whole = step.read<double>("T");
    ASSERT_TRUE(whole) << whole.error().what();
    for (std::uint64_t at = 0; at < whole->size(); ++at) {
      ASSERT_EQ((*whole)[at], value_of(number, at / nx, at % nx)) << "step " << number;
    }
  }
  /// By the arrays of Zarr, and by the second decoder, which is in Python.
  /// \param alone also by the metadata of the array alone, and by the decoder
  void expect_arrays(std::uint64_t steps, bool alone = true) const {
    for (const bool consolidated : {true, false}) {
      if (!consolidated && !alone) {
        return;
      }
      const ZarrGroup all = group(consolidated);
      EXPECT_EQ(all.attributes()["locum_steps"]["steps"].as<std::uint64_t>().value(), steps);
      const ZarrArray T = all.array("T").value();
      EXPECT_EQ(T.shape(), Extents(steps, ny, nx));
      EXPECT_EQ(T.dimensions(), (std::vector<std::string>{"step", "dim0_24", "dim1_10"}));
      const auto values = elements_in<double>(T);
      for (std::uint64_t at = 0; at < steps * ny * nx; ++at) {
        const std::uint64_t cell = at % (ny * nx);
        ASSERT_EQ(values[at], value_of(at / (ny * nx), cell / nx, cell % nx));
      }
    }
    if (const std::string python = python_with_zarr2(); !python.empty()) {
      EXPECT_TRUE(
          run_script(python, "zarr_steps_check.py", "'" + path() + "' " + std::to_string(steps) + " 24 10"));
    }
  }

  TemporaryFolder folder;
};

}  // namespace locum::tests
