// Streams of steps that a group of Zarr does not hold, and groups that hold none.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/containers.hpp"
#include "tests/transport/storage/zarr/zarr_steps.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

TEST_F(ZarrSteps, RefuseByNameWhatZarrDoesNotHold) {
  StepWriter out(side(), "s", {.file = path()});
  const auto expect_refused = [&](const std::string& name, Errc code, auto fill) {
    const auto ended = try_to_write(out, fill);
    ASSERT_FALSE(ended) << name;
    EXPECT_EQ(ended.error().code(), code) << ended.error().what();
    EXPECT_NE(std::string(ended.error().what()).find('\'' + name + '\''), std::string::npos)
        << ended.error().what();
    EXPECT_FALSE(std::filesystem::exists(path() + "/fine")) << name;
    EXPECT_FALSE(std::filesystem::exists(path() + '/' + name + "/zarr.json")) << name;
  };
  const auto put = [](const std::string& name, const auto& value) {
    return [name, value](OutputStep& step) {
      step.put("fine", 1);
      step.put(name, value);
    };
  };
  expect_refused("text", Errc::unsupported, put("text", std::string("a text")));
  expect_refused("map", Errc::unsupported, put("map", std::map<std::string, int>{{"a", 1}}));
  expect_refused("texts", Errc::unsupported, put("texts", std::vector<std::string>{"a", "b"}));
  expect_refused(".hidden", Errc::unsupported, put(".hidden", 1));
  expect_refused("a//b", Errc::unsupported, put("a//b", 1));
  expect_refused("a/../b", Errc::unsupported, put("a/../b", 1));
  expect_refused("__a", Errc::unsupported, put("__a", 1));
  expect_refused("a/zarr.json", Errc::unsupported, put("a/zarr.json", 1));
  expect_refused("deep", Errc::unsupported, [](OutputStep& step) {
    step.put("fine", 1);
    (void)step
        .create<double>("deep", {.shape = {1, 1, 1, 1, 1, 1, 1, 1},
                                 .start = {0, 0, 0, 0, 0, 0, 0, 0},
                                 .count = {1, 1, 1, 1, 1, 1, 1, 1}})
        .value();
  });
  write(out, [](OutputStep& step) { step.put("fine", 1); }).value();
  out.close({.deadline = 20s}).value();
}

TEST_F(ZarrSteps, RefuseVariablesThatChange) {
  StepWriter out(side(), "s", {.file = path()});
  write(out, [](OutputStep& step) { step.put("x", std::vector<double>(3)); }).value();
  const auto longer = try_to_write(out, [](OutputStep& step) { step.put("x", std::vector<double>(4)); });
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().code(), Errc::invalid_argument);
  EXPECT_NE(longer.error().text().find("'x': it has the extents 4,"), std::string::npos)
      << longer.error().text();
  const auto other = try_to_write(out, [](OutputStep& step) { step.put("x", std::vector<float>(3)); });
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().text().find("f32"), std::string::npos) << other.error().text();
  const auto number = try_to_write(out, [](OutputStep& step) { step.put("x", 1.0); });
  EXPECT_EQ(number ? Errc{} : number.error().code(), Errc::invalid_argument);
  const auto below = try_to_write(out, [](OutputStep& step) { step.put("x/y", 1.0); });
  EXPECT_EQ(below ? Errc{} : below.error().code(), Errc::invalid_argument);
  // The step can still be written.
  write(out, [](OutputStep& step) { step.put("x", std::vector<double>(3, 7)); }).value();
  out.close({.deadline = 20s}).value();
  StepReader in = reader();
  (void)in.next(20s).value();
  EXPECT_EQ(in.next(20s).value().joined<double>("x").value(), std::vector<double>(3, 7));
}

// One rank alone cannot see these: the first one does when all have written their parts.
TEST_F(ZarrSteps, RefuseWhatRanksPutTogether) {
  const auto error_of = [this](std::uint64_t number, auto fill) {
    std::optional<Error> refused;
    StepWriter first = writer(0, 2, number);
    StepWriter second = writer(1, 2, number);
    write(first, fill).value();
    write(second, fill).value();
    std::thread closing([&] { (void)second.close({.deadline = 20s}); });
    const auto closed = first.close({.deadline = 20s});
    closing.join();
    EXPECT_EQ(ZarrGroup::open(Files("file:" + folder.path()), "run.zarr")
                  ->attributes()["locum_steps"]["state"]
                  .text(),
              "failed");
    std::filesystem::remove_all(path());
    return closed ? std::string() : std::string(closed.error().what());
  };
  const std::string twice = error_of(1000, [](OutputStep& step) { step.put("time", 1.0); });
  EXPECT_NE(twice.find("'time': it was put 2 times"), std::string::npos) << twice;
  const std::string overlapping = error_of(2000, [](OutputStep& step) { put_rows(step, 0, 0, ny); });
  EXPECT_NE(overlapping.find("'T': its blocks have 480 elements"), std::string::npos) << overlapping;
}

TEST_F(ZarrSteps, AreNotWrittenOver) {
  {
    StepWriter out(side(), "s", {.file = path()});
    write(out, [](OutputStep& step) { put_rows(step, 0, 0, ny); }).value();
    out.close({.deadline = 20s}).value();
  }
  const auto code_of = [&](const std::string& file) {
    try {
      StepWriter out(side(), "again", {.file = file});
    } catch (const Error& error) {
      return error.code();
    }
    return Errc{};
  };
  EXPECT_EQ(code_of(path()), Errc::key_exists);
  EXPECT_EQ(code_of(path() + "/"), Errc::key_exists);
  EXPECT_EQ(code_of(path("no/such.zarr")), Errc::system);
  EXPECT_EQ(code_of(path("run.h5")), Errc::unsupported);
  std::filesystem::create_directory(path("empty.zarr"));
  EXPECT_EQ(code_of(path("empty.zarr")), Errc::key_exists);
  std::ofstream(path("file.zarr")) << "text";
  EXPECT_EQ(code_of(path("file.zarr")), Errc::key_exists);
  expect_arrays(1);
}

TEST_F(ZarrSteps, SayWhatIsWrongWithThem) {
  {
    StepWriter out(side(), "s", {.file = path()});
    for (std::uint64_t number = 0; number < 3; ++number) {
      write(out, [&](OutputStep& step) { put_rows(step, number, 0, ny); }).value();
    }
    out.close({.deadline = 20s}).value();
  }
  const std::string whole = path("whole");
  std::filesystem::copy(path(), whole, std::filesystem::copy_options::recursive);
  const auto error_of = [&](auto damage) {
    std::filesystem::remove_all(path());
    std::filesystem::copy(whole, path(), std::filesystem::copy_options::recursive);
    damage();
    StepReader in = reader();
    for (;;) {
      const auto step = in.next(5s);
      if (!step) {
        return step.error();
      }
      if (const auto values = step->read<double>("T"); !values) {
        return values.error();
      }
    }
  };
  const std::string second = path() + "/.locum/000001";
  const auto change = [](const std::string& file, const std::string& from, const std::string& to) {
    std::ifstream in(file, std::ios::binary);
    std::string text((std::istreambuf_iterator<char>(in)), {});
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, from.size(), to);
    std::ofstream(file, std::ios::binary) << text;
  };
  EXPECT_EQ(error_of([] {}).code(), Errc::end_of_stream);
  EXPECT_EQ(error_of([&] { std::filesystem::remove(second); }).code(), Errc::corrupt);
  EXPECT_EQ(error_of([&] {
              std::filesystem::copy_file(path() + "/.locum/000000", second,
                                         std::filesystem::copy_options::overwrite_existing);
            }).code(),
            Errc::corrupt);
  EXPECT_EQ(error_of([&] { std::filesystem::resize_file(second, 20); }).code(), Errc::corrupt);
  EXPECT_EQ(error_of([&] { change(second, "f64", "f32"); }).code(), Errc::corrupt);
  EXPECT_EQ(error_of([&] { std::filesystem::resize_file(path() + "/T/c/1/0/0", 9); }).code(), Errc::corrupt);
  EXPECT_EQ(error_of([&] { std::filesystem::remove(path() + "/T/c/1/0/0"); }).code(), Errc::not_found);
  EXPECT_EQ(error_of([&] { std::filesystem::remove_all(path() + "/T"); }).code(), Errc::not_found);
  EXPECT_EQ(error_of([&] { std::filesystem::remove(path() + "/zarr.json"); }).code(), Errc::not_found);
  EXPECT_EQ(error_of([&] { std::filesystem::resize_file(path() + "/zarr.json", 30); }).code(), Errc::corrupt);
  EXPECT_EQ(error_of([&] { change(path() + "/zarr.json", "locum_steps", "other_steps"); }).code(),
            Errc::corrupt);
  EXPECT_EQ(error_of([&] { change(path() + "/zarr.json", "\"ended\"", "\"maybe\""); }).code(), Errc::corrupt);
  EXPECT_EQ(error_of([&] { change(path() + "/zarr.json", "\"steps\": 3", "\"steps\": 4"); }).code(),
            Errc::corrupt);
  EXPECT_EQ(error_of([&] { change(path() + "/zarr.json", "\"format\": 1", "\"format\": 2"); }).code(),
            Errc::unsupported);
  // An array of fewer steps, or of other extents, than its step says.
  EXPECT_EQ(error_of([&] { change(path() + "/T/zarr.json", "3, 24, 10", "1, 24, 10"); }).code(),
            Errc::corrupt);
  EXPECT_EQ(error_of([&] { change(path() + "/T/zarr.json", "3, 24, 10", "3, 4, 10"); }).code(),
            Errc::corrupt);
  EXPECT_EQ(error_of([&] {
              std::filesystem::remove_all(path());
              std::ofstream(path()) << "text";
            }).code(),
            Errc::corrupt);
}

}  // namespace
}  // namespace locum::tests
