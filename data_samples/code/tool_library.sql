-- Members, tools and loans of a lending library for tools.
BEGIN;

CREATE TABLE member (
    member_id   integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    full_name   text        NOT NULL CHECK (length(trim(full_name)) > 0),
    email       text        NOT NULL UNIQUE,
    joined_on   date        NOT NULL DEFAULT current_date
);

CREATE TABLE tool (
    tool_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text          NOT NULL,
    category    text          NOT NULL CHECK (category IN ('garden', 'wood', 'metal', 'cleaning', 'ladder')),
    day_rate    numeric(6, 2) NOT NULL CHECK (day_rate >= 0),
    retired_on  date
);

CREATE TABLE loan (
    loan_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tool_id     integer NOT NULL REFERENCES tool,
    member_id   integer NOT NULL REFERENCES member,
    lent_on     date    NOT NULL,
    due_on      date    NOT NULL,
    returned_on date,
    CHECK (due_on >= lent_on),
    CHECK (returned_on IS NULL OR returned_on >= lent_on)
);

-- A tool can be out only once at a time.
CREATE UNIQUE INDEX one_open_loan_per_tool ON loan (tool_id) WHERE returned_on IS NULL;
CREATE INDEX loan_by_member ON loan (member_id, lent_on DESC);

INSERT INTO member (full_name, email, joined_on) VALUES
    ('Josephine Tarrant', 'jo@example.org',      '2019-02-11'),
    ('Samuel Adeyemi',    'sam@example.org',     '2019-06-30'),
    ('Miriam Holt',       'miriam@example.org',  '2021-10-04');

INSERT INTO tool (name, category, day_rate) VALUES
    ('Hedge trimmer, 60 cm', 'garden',   2.50),
    ('Carpet cleaner',       'cleaning', 4.00),
    ('Extension ladder 6 m', 'ladder',   1.00),
    ('Dovetail saw',         'wood',     0.75);

INSERT INTO loan (tool_id, member_id, lent_on, due_on, returned_on) VALUES
    (1, 1, '2024-05-03', '2024-05-06', '2024-05-06'),
    (2, 3, '2024-05-04', '2024-05-05', '2024-05-09'),
    (3, 2, '2024-05-04', '2024-05-18', NULL);

COMMIT;

-- What is late, for how long, and what it has cost so far.
WITH open_loan AS (
    SELECT l.*, current_date - l.due_on AS days_late
    FROM loan AS l
    WHERE l.returned_on IS NULL
)
SELECT m.full_name,
       t.name,
       o.days_late,
       round(o.days_late * t.day_rate * 1.5, 2) AS fine
FROM open_loan AS o
JOIN member AS m USING (member_id)
JOIN tool   AS t USING (tool_id)
WHERE o.days_late > 0
ORDER BY o.days_late DESC, m.full_name;

-- How busy each category is, month by month, with a running total.
SELECT t.category,
       date_trunc('month', l.lent_on)::date AS month,
       count(*)                             AS loans,
       sum(count(*)) OVER (PARTITION BY t.category ORDER BY date_trunc('month', l.lent_on)) AS loans_so_far,
       avg(coalesce(l.returned_on, current_date) - l.lent_on)::numeric(5, 1) AS mean_days_out
FROM loan AS l
JOIN tool AS t USING (tool_id)
GROUP BY t.category, date_trunc('month', l.lent_on)
HAVING count(*) >= 1
ORDER BY t.category, month;
