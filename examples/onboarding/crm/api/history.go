package api

import (
	"database/sql"
	"net/http"
)

// Event is a line of history.
type Event struct {
	Seq      int64  `json:"seq"`
	What     string `json:"what"`
	Customer string `json:"customer"`
	Name     string `json:"name"`
}

func history(tx *sql.Tx, r *http.Request, _ []byte) (answer, error) {
	what := r.URL.Query().Get("what")
	rows, err := tx.Query(`select seq, what, customer, name from history where ?1 = '' or what = ?1 order by seq`, what)
	if err != nil {
		return answer{}, err
	}
	defer rows.Close()
	all := []Event{}
	for rows.Next() {
		var e Event
		if err := rows.Scan(&e.Seq, &e.What, &e.Customer, &e.Name); err != nil {
			return answer{}, err
		}
		all = append(all, e)
	}
	return answerOf(http.StatusOK, map[string]any{"history": all}), rows.Err()
}

// Total is what the active customers of a country expect, in euros a month.
type Total struct {
	Country       string  `json:"country"`
	Customers     int     `json:"customers"`
	MonthlyVolume float64 `json:"monthly_volume"`
}

func totals(tx *sql.Tx, _ *http.Request, _ []byte) (answer, error) {
	rows, err := tx.Query(`select country, count(*), sum(monthly_cents) / 100.0 from customers
		where status = 'active' group by country order by country`)
	if err != nil {
		return answer{}, err
	}
	defer rows.Close()
	all := []Total{}
	for rows.Next() {
		var t Total
		if err := rows.Scan(&t.Country, &t.Customers, &t.MonthlyVolume); err != nil {
			return answer{}, err
		}
		all = append(all, t)
	}
	return answerOf(http.StatusOK, map[string]any{"totals": all}), rows.Err()
}
