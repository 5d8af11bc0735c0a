#include "core/backend/record_names.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <optional>
#include <string>

namespace locum::tests {
namespace {

RecordNames names_of(NameBytes bytes, std::uint32_t longest) {
  BackendTraits traits;
  traits.name_bytes = bytes;
  traits.longest_name = longest;
  return RecordNames(traits);
}

TEST(RecordNames, LeaveNamesAsTheyAreWhereTheyFit) {
  const RecordNames names = names_of(NameBytes::file_name, 200);
  EXPECT_EQ(names.of_name("T_0042-3.dat"), "T_0042-3.dat");
  EXPECT_EQ(names.of_name("T/0042"), "T%2f0042");
  EXPECT_EQ(names.of_name(".hidden"), "%2ehidden");
  EXPECT_EQ(names.of_name("50%"), "50%25");
  EXPECT_EQ(names.of_name("@k0"), "%40k0");
  EXPECT_EQ(names_of(NameBytes::any, 200).of_name("T/0042 größe"), "T/0042 größe");
  EXPECT_EQ(names_of(NameBytes::printable, 200).of_name("a b"), "a%20b");
}

TEST(RecordNames, LeadBackToTheName) {
  for (const NameBytes bytes : {NameBytes::any, NameBytes::printable, NameBytes::file_name}) {
    const RecordNames names = names_of(bytes, 64 * 1024);
    const bool held = rc::check("a name comes back", [&] {
      const auto name = *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::arbitrary<char>()));
      const std::string record = names.of_name(name);
      RC_ASSERT(record.front() != '@');
      RC_ASSERT(RecordNames::name_in(record) == name);
      const auto length = *rc::gen::inRange<std::size_t>(0, name.size() + 1);
      RC_ASSERT(record.starts_with(names.of_prefix(name.substr(0, length))));
    });
    EXPECT_TRUE(held);
  }
}

TEST(RecordNames, AreHashesWhereTheyAreTooLong) {
  const RecordNames names = names_of(NameBytes::file_name, 64);
  const std::string fits(64, 'n');
  const std::string longer(65, 'n');
  EXPECT_EQ(names.of_name(fits), fits);
  EXPECT_TRUE(RecordNames::is_hashed(names.of_name(longer)));
  EXPECT_EQ(names.of_name(longer).size(), 34U);
  EXPECT_NE(names.of_name(longer), names.of_name(longer + 'n'));
  EXPECT_TRUE(RecordNames::is_hashed(names.of_name(std::string(22, ' ')))) << "22 of three bytes each";
  EXPECT_EQ(RecordNames::name_in(names.of_name(longer)), std::nullopt);
  EXPECT_EQ(names.of_prefix(longer), "") << "whatever begins so has a hash for a name";
}

TEST(RecordNames, AreNotReadFromRecordsOfOthers) {
  for (const char* record : {"", "@k0123", "@h0", "a%", "a%2", "a%zz", "%"}) {
    EXPECT_EQ(RecordNames::name_in(record), std::nullopt) << record;
  }
}

}  // namespace
}  // namespace locum::tests
