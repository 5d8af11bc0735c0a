// Formats by name and by the ending of a path. The formats of this test stay registered in its process.
#include "core/format_registry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace locum {
namespace {

/// A format with this name and endings, that neither loads nor saves.
class NamedFormat : public Format {
 public:
  NamedFormat(std::string_view name, std::vector<std::string_view> endings)
      : endings_(std::move(endings)),
        traits_{.name = name, .endings = endings_, .holds = "", .options = {}} {}

  const FormatTraits& traits() const noexcept override { return traits_; }
  bool recognises(std::span<const std::byte> /*first*/) const noexcept override { return false; }
  Result<Record> load(FileBytes& /*file*/, const Record& /*options*/,
                      const MakeArray& /*make*/) const override {
    return Record();
  }
  Result<void> save(const Record& /*value*/, FileDraft& /*file*/, const Record& /*options*/) const override {
    return {};
  }
  Result<Record> info(FileBytes& /*file*/, const Record& /*options*/) const override { return Record(); }

 private:
  const std::vector<std::string_view> endings_;
  const FormatTraits traits_;
};

bool registered(std::string_view name, std::vector<std::string_view> endings) {
  return register_format(std::make_shared<const NamedFormat>(name, std::move(endings)));
}

std::string_view name_of_format(const std::shared_ptr<const Format>& format) {
  return format ? format->traits().name : "none";
}

class AtStart final : public NamedFormat {
 public:
  AtStart() : NamedFormat("at_start", {".st"}) {}
};
LOCUM_REGISTER_FORMAT(at_start, AtStart);

TEST(FormatRegistry, FindsFormatsByNameAndEnding) {
  ASSERT_TRUE(registered("tar", {".tar", ".tar.zz"}));
  ASSERT_TRUE(registered("zz", {".zz"}));
  EXPECT_EQ(name_of_format(format_named("tar")), "tar");
  EXPECT_EQ(name_of_format(format_named("TAR")), "none");
  EXPECT_EQ(name_of_format(format_of("/data/a.tar")), "tar");
  EXPECT_EQ(name_of_format(format_of("a.b.tar.zz")), "tar") << "the longest ending";
  EXPECT_EQ(name_of_format(format_of("a.zz")), "zz");
  EXPECT_EQ(name_of_format(format_of("A.Tar.ZZ")), "tar") << "whatever its case";
  EXPECT_EQ(name_of_format(format_of("a.tar/b")), "none");
  EXPECT_EQ(name_of_format(format_of("")), "none");
  EXPECT_EQ(name_of_format(format_named("at_start")), "at_start") << "by the macro";
}

TEST(FormatRegistry, KeepsTheFirstOfANameOrEnding) {
  ASSERT_TRUE(registered("first", {".one"}));
  const auto first = format_named("first");
  EXPECT_FALSE(registered("first", {".two"}));
  EXPECT_EQ(format_named("first"), first);
  EXPECT_EQ(format_of("x.two"), nullptr) << "it was left out";
  EXPECT_FALSE(registered("second", {".two", ".one"}));
  EXPECT_EQ(format_named("second"), nullptr);
  EXPECT_EQ(format_of("x.two"), nullptr);
  EXPECT_EQ(format_of("x.one"), first);
  EXPECT_FALSE(register_format(nullptr));
}

TEST(FormatRegistry, ListsFormatsByName) {
  ASSERT_TRUE(registered("b", {}));
  ASSERT_TRUE(registered("a", {}));
  std::vector<std::string> names;
  for (const auto& format : registered_formats()) {
    names.emplace_back(format->traits().name);
  }
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_NE(std::ranges::find(names, "a"), names.end());
}

TEST(FormatRegistry, IsUsedByManyThreads) {
  std::vector<std::string> names;
  for (int at = 0; at < 8; ++at) {
    names.push_back("thread" + std::to_string(at));
  }
  {
    std::vector<std::jthread> threads;
    for (const std::string& name : names) {
      threads.emplace_back([&name] {
        EXPECT_TRUE(registered(name, {}));
        EXPECT_NE(format_named(name), nullptr);
        EXPECT_FALSE(registered_formats().empty());
        EXPECT_EQ(format_of("x.none_of_all"), nullptr);
      });
    }
  }
  for (const std::string& name : names) {
    EXPECT_NE(format_named(name), nullptr);
  }
}

}  // namespace
}  // namespace locum
