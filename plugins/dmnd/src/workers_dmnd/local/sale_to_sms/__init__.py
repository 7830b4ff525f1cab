"""The scenario ``sale-to-sms`` and its smaller kin: from a due sale to each fan's delivered SMS."""
